"""What a photograph's file says beside its pixels, and its place in the files that are made of it."""

import struct
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .pillow import DAMAGE
from .png import chunk

if TYPE_CHECKING:
    from PIL.Image import Exif, Image

_ORIENTATION, _EXIF, _GPS, _INTEROP = 0x0112, 0x8769, 0x8825, 0xA005
# Of the first directory: description, maker, model, resolution and its unit, software, date, artist, copyright, and
# Windows' rating, title, comment, author, keywords, subject. A TIFF file has its own layout beside them.
_CARRIED = (0x010E, 0x010F, 0x0110, 0x011A, 0x011B, 0x0128, 0x0131, 0x0132, 0x013B, 0x8298, 0x4746, 0x9C9B, 0x9C9C,
            0x9C9D, 0x9C9E, 0x9C9F)  # fmt: skip
_INCHES_PER_METRE = 39.3701
EXIF_MARK = b"Exif\0\0"


@dataclass(frozen=True)
class Metadata:
    """What is carried over to what is written.

    Attributes:
        icc: colour profile of RGB values.
        exif: a TIFF block, its orientation 1.
        dpi: dots an inch, horizontal and vertical.
    """

    icc: bytes | None = None
    exif: bytes | None = None
    dpi: tuple[float, float] | None = None


def metadata_of(image: "Image", keep_gps: bool) -> Metadata:
    """Metadata of an image that Pillow has opened and not yet turned; what is damaged is left out.

    Args:
        image: its pixels need not be loaded.
        keep_gps: whether EXIF keeps where the photograph was taken.
    """
    icc = image.info.get("icc_profile")
    if not icc or icc[16:20] != b"RGB ":  # what is written is RGB
        icc = None
    try:
        exif = _carried(image.getexif(), keep_gps)
    except DAMAGE:
        exif = None
    return Metadata(icc, exif, _dpi_of(image))


def _carried(exif: "Exif", keep_gps: bool) -> bytes | None:
    """A TIFF block of what describes the photograph; its thumbnail, which shows the background, stays behind."""
    if not len(exif):
        return None
    kept = type(exif)()
    kept.update({tag: exif[tag] for tag in _CARRIED if tag in exif})
    kept[_ORIENTATION] = 1
    for directory in (_EXIF, _GPS) if keep_gps else (_EXIF,):
        entries = {tag: value for tag, value in exif.get_ifd(directory).items() if tag != _INTEROP}
        if entries:
            kept[directory] = entries
    return kept.tobytes().removeprefix(EXIF_MARK)


def _dpi_of(image: "Image") -> tuple[float, float] | None:
    try:
        across, down = (float(value) for value in image.info["dpi"])
    except (KeyError, TypeError, ValueError, ZeroDivisionError):
        return None
    return (across, down) if 1 <= across <= 1e5 and 1 <= down <= 1e5 else None


def png_chunks(metadata: Metadata, grey: bool) -> bytes:
    """The metadata as chunks of a PNG: iCCP where it is not grey, pHYs, eXIf (W3C PNG, 11.3)."""
    chunks = b""
    if metadata.icc and not grey:
        chunks += chunk(b"iCCP", b"ICC profile\0\0" + zlib.compress(metadata.icc))
    if metadata.dpi:
        across, down = (round(dpi * _INCHES_PER_METRE) for dpi in metadata.dpi)
        chunks += chunk(b"pHYs", struct.pack(">IIB", across, down, 1))
    if metadata.exif:
        chunks += chunk(b"eXIf", metadata.exif)
    return chunks
