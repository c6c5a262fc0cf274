"""Images and alphas from files: EXIF orientation applied, damaged files refused by name."""

import mmap
from pathlib import Path

import cv2
import numpy as np

from ..common.errors import DataError
from ..common.files import is_special
from ..spec.alpha import AlphaChannels
from .decode import REDUCTIONS, checked_header, decode_color, decode_stored
from .formats import HEAD_BYTES, MAX_PIXELS, check_pixels, image_format
from .geometry import size_of
from .header import Header, parse_header

_NEAR_LEVEL, _MOST_STRANGE = 0.1, 0.5
_WHITE = {np.dtype(np.uint8): 255, np.dtype(np.uint16): 65535}


def read_image(path: str | Path, reduce: int = 1) -> np.ndarray:
    """Decode an image to uint8 RGB [H, W, 3], upright (EXIF orientation applied).

    16-bit images are scaled to 8 bit, greyscale is repeated to three channels, an alpha channel is dropped, and of
    several frames the first is read (`read_photo` also gives what is dropped).

    Args:
        path: JPEG, PNG, WebP, TIFF, BMP, GIF, HEIC or AVIF file, by its content; its suffix is not asked.
        reduce: 1, 2, 4 or 8; JPEG is decoded directly at 1/reduce of its sides (rounded up), which costs
            about a third of the time at 1/2. Other formats are decoded whole, then shrunk.

    Raises:
        DataError: the file is missing, empty, damaged, not an image, or has more than `MAX_PIXELS` pixels.
    """
    data = read_file(path)
    return decode_color(data, path, checked_header(data, path), reduce)


def read_image_for(path: str | Path, short_side: int) -> tuple[np.ndarray, tuple[int, int]]:
    """`decode_image` of a file: uint8 RGB [h, w, 3], and its full size (height, width)."""
    return decode_image(read_file(path), path, short_side)


def decode_image(data: bytes, path: str | Path, short_side: int | None = None) -> tuple[np.ndarray, tuple[int, int]]:
    """`read_image` of a file's content, by default at full size.

    Args:
        data: the file's content.
        path: where the content is from; for error messages.
        short_side: use the largest JPEG reduction that keeps the shorter side at this or more.

    Returns:
        The image, and its full size (height, width), upright.
    """
    header = checked_header(data, path)
    if short_side is None or header is None or not header.reducible:
        image = decode_color(data, path, header)
        return image, size_of(image)
    fits = [factor for factor in REDUCTIONS if min(header.upright) // factor >= short_side]
    return decode_color(data, path, header, max(fits, default=1)), header.upright


def read_alpha(path: str | Path, allow_rgb: AlphaChannels = False) -> np.ndarray:
    """Read an alpha to float32 [H, W] in [0, 1] (8-bit / 255, 16-bit / 65535), upright as `read_image` does.

    Args:
        path: greyscale image file.
        allow_rgb: True also reads a 3- or 4-channel file whose three colour channels are equal; "fourth" reads the
            fourth channel of a 4-channel file, whatever its colours.

    Raises:
        DataError: the file is missing, empty, truncated, no image, neither 8- nor 16-bit, or has several
            channels that `allow_rgb` does not permit.
    """
    return unit_alpha(decode_alpha(read_file(path), path, allow_rgb))


def decode_alpha(data: bytes, path: str | Path, allow_rgb: AlphaChannels = False) -> np.ndarray:
    """`read_alpha` of a file's content, with its values as they are stored: uint8 or uint16 [H, W]."""
    header = checked_header(data, path)
    stored = decode_stored(data, path, header)
    if stored.dtype not in _WHITE:
        raise DataError(f"Alpha '{path}' holds {stored.dtype} values. Save it as an 8- or 16-bit greyscale PNG.")
    if stored.ndim == 3:
        stored = _single_channel(stored, path, allow_rgb, indexed=header is not None and header.indexed)
    return np.ascontiguousarray(stored)


def read_rgba(path: str | Path) -> np.ndarray:
    """A cut-out, uint8 RGBA [H, W, 4], its colours not multiplied by alpha; DataError for any other image."""
    data = read_file(path)
    stored = decode_stored(data, path, checked_header(data, path))
    if stored.dtype != np.uint8 or stored.ndim != 3 or stored.shape[2] != 4:
        raise DataError(
            f"'{path}' is no cut-out: {stored.dtype} of shape {stored.shape}, expected are 8-bit red, green, blue and "
            "alpha. Make cut-outs with data/make_cutouts.py."
        )
    return cv2.cvtColor(stored, cv2.COLOR_BGRA2RGBA)


def read_unknown(path: str | Path, size: tuple[int, int]) -> np.ndarray:
    """The unknown pixels of a trimap's file: bool [H, W].

    Args:
        path: image of 0 (background), 128 (unknown) and 255 (foreground), give or take what JPEG does to them.
        size: (height, width) that it must have.

    Raises:
        DataError: as `read_alpha`, or it is no trimap, or of another size.
    """
    trimap = read_alpha(path, allow_rgb=True)
    if trimap.shape != size:
        (height, width), (found_height, found_width) = size, trimap.shape
        raise DataError(
            f"Trimap '{path}' is {found_width}x{found_height} but its image is {width}x{height} (width x height). Make "
            "the trimap again at the image's size."
        )
    unknown = np.abs(trimap - 0.5) < _NEAR_LEVEL
    soft = np.abs(trimap - 0.5) < 0.5 - _NEAR_LEVEL
    strange = 1 - np.count_nonzero(unknown) / np.count_nonzero(soft) if soft.any() else 0.0
    if strange > _MOST_STRANGE:
        raise DataError(
            f"'{path}' is no trimap: {100 * strange:.0f} % of its values between 0 and 255 are not 128. Name a folder "
            "of trimaps, or leave it out: the transition band is then made of the alpha."
        )
    return unknown


def unit_alpha(stored: np.ndarray) -> np.ndarray:
    """Stored alpha, uint8 or uint16 of any shape -> float32 of that shape in [0, 1]."""
    return np.divide(stored, _WHITE[stored.dtype], dtype=np.float32)


def image_size(path: str | Path) -> tuple[int, int]:
    """(height, width) in pixels after the EXIF orientation; JPEG, PNG and WebP are not decoded for it.

    Raises:
        DataError: as `read_image`, but a truncated one whose header is there passes.
    """
    header = read_header(path)
    if header is None:
        return size_of(read_image(path))
    check_pixels((header.height, header.width), path, MAX_PIXELS)
    return header.upright


def check_same_size(image: np.ndarray | tuple[int, int], alpha: np.ndarray | tuple[int, int], paths: tuple) -> None:
    """DataError where an image [H, W, ...] and its alpha [H, W] (or their sizes) differ in height or width.

    Args:
        image: uint8 [H, W, 3], or (height, width) of it.
        alpha: [H, W], or (height, width) of it.
        paths: of the image and of the alpha, for the message.
    """
    sizes = [one if isinstance(one, tuple) else size_of(one) for one in (image, alpha)]
    if sizes[0] == sizes[1]:
        return
    turned = " The sides are swapped: the image's EXIF orientation was ignored when the alpha was made."
    (image_height, image_width), (height, width) = sizes
    raise DataError(
        f"Image '{paths[0]}' is {image_width}x{image_height} but its alpha '{paths[1]}' is {width}x{height} (width x "
        f"height).{turned if sizes[0] == sizes[1][::-1] else ''} Make the alpha again from this image, or remove both; "
        "`python data/check_dataset.py CONFIG` lists all such pairs."
    )


def read_pair(image: str | Path, alpha: str | Path, allow_rgb: AlphaChannels = False) -> tuple[np.ndarray, np.ndarray]:
    """An image uint8 RGB [H, W, 3] and its alpha float32 [H, W] in [0, 1]; DataError where their sizes differ."""
    pixels, matte = read_image(image), read_alpha(alpha, allow_rgb)
    check_same_size(pixels, matte, (image, alpha))
    return pixels, matte


def read_header(path: str | Path) -> Header | None:
    """Header of a JPEG, PNG or WebP file, touching only the pages it needs; None for other formats.

    Raises:
        DataError: the file is missing or empty.
    """
    try:
        with open(path, "rb") as file:
            if file.seek(0, 2) == 0:
                raise DataError(f"'{path}' is empty (0 bytes). Copy the file again, or remove it.")
            with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
                return parse_header(data)
    except OSError as error:
        raise _not_opened(path, error) from error


def format_of(path: str | Path) -> str | None:
    """`image_format` of a file's first bytes; None for what is no image. DataError where it cannot be read."""
    try:
        if is_special(path):
            return None
        with open(path, "rb") as file:
            return image_format(file.read(HEAD_BYTES))
    except OSError as error:
        raise _not_opened(path, error) from error


def read_file(path: str | Path) -> bytes:
    """A file's content; DataError where it is missing or cannot be read."""
    try:
        if is_special(path):
            raise DataError(f"'{path}' is a pipe or a device, expected is an image file. Write it to a file first.")
        return Path(path).read_bytes()
    except OSError as error:
        raise _not_opened(path, error) from error


def _not_opened(path: str | Path, error: OSError) -> DataError:
    return DataError(f"Cannot read '{path}': {error.strerror or error}. Check the path and its permissions.")


def _single_channel(stored: np.ndarray, path: str | Path, allow_rgb: AlphaChannels, indexed: bool) -> np.ndarray:
    """The channel of [H, W, 3 or 4] that is the alpha; `indexed`: its colours are from a palette."""
    channels = stored.shape[2]
    if allow_rgb == "fourth" and channels == 4:
        return np.ascontiguousarray(stored[..., 3])
    equal = bool((stored[..., 0] == stored[..., 1]).all() and (stored[..., 0] == stored[..., 2]).all())
    transparent = channels == 4 and int(stored[..., 3].min()) < _WHITE[stored.dtype]
    if equal and (allow_rgb is True or (indexed and not transparent)):  # a palette of greys is a greyscale file
        return np.ascontiguousarray(stored[..., 0])
    raise DataError(
        f"Alpha '{path}' has {channels} channels where one is expected. "
        f"{_cure_of_channels(equal, transparent, indexed)}; or save it as greyscale PNG."
    )


def _cure_of_channels(equal: bool, transparent: bool, indexed: bool) -> str:
    """What to do about an alpha with several channels, without the last words."""
    section = "in the data set's section to read"
    fourth = f"set `alpha_channel: 4` {section} the fourth, its transparency"
    if equal:
        first = f"Its colour channels are equal: set `alpha_allow_rgb: True` {section} the first"
        return f"{first}, or {fourth}" if transparent else first
    if transparent:
        return f"Its colour channels differ: {fourth}"
    if indexed:
        return "It has a palette, whose colours stand for classes: write 255 where its index is the person's, else 0"
    return "Its colour channels differ, so it is not an alpha"
