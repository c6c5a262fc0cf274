"""What an image file says about itself: format, size, EXIF orientation, and whether it is all there.

JPEG (ITU-T T.81 annex B) and PNG (W3C PNG 3rd edition) are read here without decoding a pixel; other formats
are left to OpenCV.
"""

import mmap
import struct
from collections.abc import Iterator
from dataclasses import dataclass

Content = bytes | mmap.mmap
"""A file's bytes, or a memory map of them."""

PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_EXIF_ORIENTATION = 0x0112
_JPEG_SOS, _JPEG_EOI = 0xDA, 0xD9
# Start-of-frame markers: C0 to CF without C4 (Huffman tables), C8 (reserved) and CC (arithmetic conditioning).
_JPEG_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}


@dataclass(frozen=True)
class Header:
    """Size as stored (before the EXIF orientation, 1 to 8).

    `complete`: the file's last part is there. `reducible`: the format can be decoded at a reduced size.
    `indexed`: the pixels are indices of a palette.
    """

    height: int
    width: int
    orientation: int
    complete: bool
    reducible: bool
    indexed: bool = False

    @property
    def upright(self) -> tuple[int, int]:
        """(height, width) in pixels after the EXIF orientation: 5 to 8 swap the sides."""
        return (self.width, self.height) if self.orientation >= 5 else (self.height, self.width)


def parse_header(data: Content) -> Header | None:
    """Header of a JPEG or PNG ; None for another format or where no size can be found."""
    if data[:2] == b"\xff\xd8":
        return _parse_jpeg(data)
    if data[:8] == PNG_SIGNATURE:
        return _parse_png(data)
    return None


def _parse_jpeg(data: Content) -> Header | None:
    height = width = 0
    orientation, complete = 1, False
    for marker, start, end in _jpeg_segments(data):
        if marker in _JPEG_FRAMES and end - start >= 5:
            height, width = struct.unpack(">HH", data[start + 1 : start + 5])
        elif marker == 0xE1 and data[start : start + 6] == b"Exif\0\0" and orientation == 1:
            orientation = _exif_orientation(bytes(data[start + 6 : end]))
        elif marker == _JPEG_SOS:
            # Entropy-coded data never holds FF D9, so one after the scan's header ends the image (one before it
            # ends an EXIF thumbnail). Searched from the back, where it is: half a megabyte takes 0.4 ms.
            complete = data.rfind(b"\xff\xd9", end) != -1
    return Header(height, width, orientation, complete, reducible=True) if height and width else None


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
    height = width = 0
    orientation, complete, indexed = 1, False, False
    at, size = len(PNG_SIGNATURE), len(data)
    while at + 12 <= size:
        length, kind = struct.unpack(">I4s", data[at : at + 8])
        if at + 12 + length > size:
            break
        if kind == b"IHDR":
            width, height = struct.unpack(">II", data[at + 8 : at + 16])
            indexed = data[at + 17 : at + 18] == b"\x03"
        elif kind == b"eXIf":
            orientation = _exif_orientation(bytes(data[at + 8 : at + 8 + length]))
        elif kind == b"IEND":
            complete = True
            break
        at += 12 + length
    return Header(height, width, orientation, complete, False, indexed) if height and width else None


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
