"""What an image file says about itself: format, size, EXIF orientation, and whether it is all there.

JPEG (ITU-T T.81 annex B), PNG (W3C PNG 3rd edition) and WebP (RFC 9649) are read here without decoding a pixel; other
formats are left to Pillow.
"""

import mmap
import struct
from collections.abc import Iterator
from dataclasses import dataclass

Content = bytes | mmap.mmap
"""A file's bytes, or a memory map of them."""

PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_PNG_INDEXED = 3
_EXIF_ORIENTATION = 0x0112
_JPEG_SOS, _JPEG_EOI = 0xDA, 0xD9
# Start-of-frame markers: C0 to CF without C4 (Huffman tables), C8 (reserved) and CC (arithmetic conditioning).
_JPEG_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}


@dataclass(frozen=True)
class Header:
    """Size as stored (before the EXIF orientation, 1 to 8).

    `complete`: the file's last part is there. `reducible`: the format can be decoded at a reduced size.
    `indexed`: the pixels are indices of a palette. `channels`: of a JPEG, 4 is CMYK; 0 where nobody knows.
    `transparent`: pixels may be transparent. `animated`: there are further frames.
    """

    height: int
    width: int
    orientation: int
    complete: bool
    reducible: bool
    indexed: bool = False
    channels: int = 0
    transparent: bool = False
    animated: bool = False

    @property
    def upright(self) -> tuple[int, int]:
        """(height, width) in pixels after the EXIF orientation: 5 to 8 swap the sides."""
        return (self.width, self.height) if self.orientation >= 5 else (self.height, self.width)


def parse_header(data: Content) -> Header | None:
    """Header of a JPEG, PNG or WebP; None for another format or where no size can be found."""
    if data[:2] == b"\xff\xd8":
        return _parse_jpeg(data)
    if data[:8] == PNG_SIGNATURE:
        return _parse_png(data)
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return _parse_webp(data)
    return None


def _parse_jpeg(data: Content) -> Header | None:
    height = width = channels = 0
    orientation, complete = 1, False
    for marker, start, end in _jpeg_segments(data):
        if marker in _JPEG_FRAMES and end - start >= 6:
            height, width, channels = struct.unpack(">HHB", data[start + 1 : start + 6])
        elif marker == 0xE1 and data[start : start + 6] == b"Exif\0\0" and orientation == 1:
            orientation = _exif_orientation(bytes(data[start + 6 : end]))
        elif marker == _JPEG_SOS:
            # Entropy-coded data never holds FF D9, so one after the scan's header ends the image (one before it
            # ends an EXIF thumbnail). Searched from the back, where it is: half a megabyte takes 0.4 ms.
            complete = data.rfind(b"\xff\xd9", end) != -1
    if not (height and width):
        return None
    return Header(height, width, orientation, complete, reducible=channels in (1, 3), channels=channels)


def _jpeg_segments(data: Content) -> Iterator[tuple[int, int, int]]:
    """(marker, first byte, byte after the last) of each segment's content, up to the first scan."""
    at, size = 2, len(data)
    while at + 4 <= size and data[at] == 0xFF:
        marker = data[at + 1]
        if marker == 0xFF:  # fill byte
            at += 1
            continue
        if marker == _JPEG_EOI:
            return
        end = at + 2 + struct.unpack(">H", data[at + 2 : at + 4])[0]
        yield marker, at + 4, min(end, size)
        if marker == _JPEG_SOS:
            return
        at = end


def _parse_png(data: Content) -> Header | None:
    height = width = color = 0
    orientation, kinds = 1, set()
    at, size = len(PNG_SIGNATURE), len(data)
    while at + 12 <= size:
        length, kind = struct.unpack(">I4s", data[at : at + 8])
        if at + 12 + length > size:
            break
        kinds.add(kind)
        if kind == b"IHDR" and length >= 13:
            width, height, _bits, color = struct.unpack(">IIBB", data[at + 8 : at + 18])
        elif kind == b"eXIf":
            orientation = _exif_orientation(bytes(data[at + 8 : at + 8 + length]))
        elif kind == b"IEND":
            break
        at += 12 + length
    if not (height and width):
        return None
    transparent = color in (4, 6) or b"tRNS" in kinds
    return Header(height, width, orientation, b"IEND" in kinds, False, indexed=color == _PNG_INDEXED,
                  transparent=transparent, animated=b"acTL" in kinds)  # fmt: skip


def _parse_webp(data: Content) -> Header | None:
    height = width = 0
    orientation, transparent, animated = 1, False, False
    at, size = 12, len(data)
    while at + 8 <= size:
        kind, length = struct.unpack("<4sI", data[at : at + 8])
        content = at + 8
        if not width and kind in _WEBP_SIZES:
            height, width, transparent = _WEBP_SIZES[kind](bytes(data[content : content + 10]))
        if kind == b"VP8X":
            animated = bool(data[content] & 2)
        elif kind == b"EXIF":
            tiff = bytes(data[content : content + length])
            orientation = _exif_orientation(tiff.removeprefix(b"Exif\0\0"))
        at = content + length + length % 2
    if not (height and width):
        return None
    complete = size >= 8 + struct.unpack("<I", data[4:8])[0]
    return Header(height, width, orientation, complete, False, transparent=transparent, animated=animated)


def _size_of_vp8x(content: bytes) -> tuple[int, int, bool]:
    """(height, width, may be transparent) of the extended format's first chunk."""
    if len(content) < 10:
        return 0, 0, False
    width, height = (1 + int.from_bytes(content[i : i + 3], "little") for i in (4, 7))
    return height, width, bool(content[0] & 16)


def _size_of_vp8(content: bytes) -> tuple[int, int, bool]:
    """The same of a lossy frame."""
    if len(content) < 10:
        return 0, 0, False
    width, height = struct.unpack("<HH", content[6:10])
    return height & 0x3FFF, width & 0x3FFF, False


def _size_of_vp8l(content: bytes) -> tuple[int, int, bool]:
    """The same of a lossless frame."""
    if len(content) < 5:
        return 0, 0, False
    bits = int.from_bytes(content[1:5], "little")
    return 1 + (bits >> 14 & 0x3FFF), 1 + (bits & 0x3FFF), bool(bits >> 28 & 1)


_WEBP_SIZES = {b"VP8X": _size_of_vp8x, b"VP8 ": _size_of_vp8, b"VP8L": _size_of_vp8l}


def _exif_orientation(tiff: bytes) -> int:
    """Orientation tag of the first directory of a TIFF block; 1 (upright) where it is absent or damaged."""
    order = {b"II*\0": "<", b"MM\0*": ">"}.get(tiff[:4])
    if order is None:
        return 1
    try:
        (at,) = struct.unpack_from(order + "I", tiff, 4)
        (entries,) = struct.unpack_from(order + "H", tiff, at)
        for i in range(entries):
            tag, _kind, _count, value = struct.unpack_from(order + "HHIH", tiff, at + 2 + 12 * i)
            if tag == _EXIF_ORIENTATION:
                return value if 1 <= value <= 8 else 1
    except struct.error:
        pass
    return 1
