"""Which image format a file's content has; its name is not asked."""

from pathlib import Path

from ..common.errors import DataError

IMAGE_SUFFIXES = (".jpg", ".jpeg", ".jpe", ".jfif", ".mpo", ".png", ".bmp", ".webp", ".tif", ".tiff", ".gif", ".heic",
                  ".heif", ".avif")  # fmt: skip

MAX_PIXELS = 250_000_000
"""Images with more pixels are refused unasked: the largest sensors of phones have 200 million."""

HEAD_BYTES = 64
"""How much of a file's beginning `image_format` needs."""

_HEIF_BRANDS = frozenset((b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1", b"miaf"))
_AVIF_BRANDS = frozenset((b"avif", b"avis"))
_MAGIC = (
    (b"\xff\xd8\xff", "jpeg"), (b"\x89PNG\r\n\x1a\n", "png"), (b"GIF87a", "gif"), (b"GIF89a", "gif"), (b"BM", "bmp"),
    (b"II*\0", "tiff"), (b"MM\0*", "tiff"), (b"II+\0", "tiff"), (b"MM\0+", "tiff"),
)  # fmt: skip
_MP4_BOXES = frozenset((b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip"))
_AUDIO_BRANDS = frozenset((b"M4A", b"M4B", b"M4P"))
# Matroska and WebM, Flash, Windows Media, MPEG program streams.
_VIDEO_MAGIC = (b"\x1a\x45\xdf\xa3", b"FLV\x01", b"\x30\x26\xb2\x75", b"\0\0\1\xba", b"\0\0\1\xb3")
_STREAM_SUFFIXES = frozenset((".ts", ".mts", ".m2ts", ".mpg", ".mpeg", ".ogv", ".y4m", ".mjpeg", ".h264", ".hevc"))


def image_format(head: bytes) -> str | None:
    """'jpeg', 'png', 'webp', 'tiff', 'bmp', 'gif', 'heic' or 'avif' by the first bytes of a file; None for others."""
    for magic, name in _MAGIC:
        if head.startswith(magic):
            return name
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "webp"
    if head[4:8] == b"ftyp":  # ISO/IEC 14496-12: the major brand, a version, compatible brands
        length = int.from_bytes(head[:4], "big")
        brands = {head[i : i + 4] for i in (8, *range(16, min(length, len(head)), 4))}
        if brands & _AVIF_BRANDS:
            return "avif"
        if head[8:12] in _HEIF_BRANDS:
            return "heic"
    return None


def is_video(head: bytes, path: Path) -> bool:
    """Whether a file that is no image is a video by its first bytes; MPEG streams, which have no mark, by its name."""
    if head[4:8] in _MP4_BOXES:
        return head[8:11] not in _AUDIO_BRANDS
    if head.startswith(_VIDEO_MAGIC) or (head[:4] == b"RIFF" and head[8:12] == b"AVI "):
        return True
    return path.suffix.lower() in _STREAM_SUFFIXES


def check_pixels(size: tuple[int, int], path: object, max_pixels: int) -> None:
    """DataError where an image of `size` (height, width) has more than `max_pixels` pixels."""
    height, width = size
    if height * width > max_pixels:
        raise DataError(
            f"'{path}' has {width}x{height} pixels, {height * width / 1e6:.0f} million; the limit is "
            f"{max_pixels / 1e6:g} million. Make it smaller; infer.py lifts the limit with --max-pixels."
        )
