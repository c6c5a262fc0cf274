"""One photograph as every kind of file that people bring; made here, so that no binary file lies in the tree."""

import io
from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np
from PIL import Image, ImageCms

HEIGHT, WIDTH = 48, 80
GPS = 0x8825


def colors() -> np.ndarray:
    """The photograph, uint8 RGB [48, 80, 3]: smooth, its four corners unlike each other."""
    y, x = np.mgrid[:HEIGHT, :WIDTH].astype(np.float32)
    image = np.stack([255 * x / (WIDTH - 1), 255 * y / (HEIGHT - 1), 96 + 64 * np.sin(x / 20)], axis=-1)
    return np.rint(image).astype(np.uint8)


def transparency() -> np.ndarray:
    """Alpha of the transparent files, uint8 [48, 80]: the left quarter is transparent, the next one half."""
    alpha = np.full((HEIGHT, WIDTH), 255, np.uint8)
    alpha[:, : WIDTH // 2] = 128
    alpha[:, : WIDTH // 4] = 0
    return alpha


@cache
def profile() -> bytes:
    """An ICC profile of RGB values; made once, for it holds the time."""
    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def exif(orientation: int = 1) -> Image.Exif:
    """EXIF of a phone: maker, orientation, exposure and a place."""
    content = Image.Exif()
    content[0x010F], content[0x0112] = "Maker", orientation
    content.get_ifd(0x8769)[0x829A] = 0.01
    content.get_ifd(GPS)[1] = "N"
    return content


def saved(image: Image.Image, kind: str, **options: object) -> bytes:
    """An image as a file's content."""
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


@cache
def opaque() -> dict[str, tuple[bytes, float]]:
    """Files by name, each with how far its values may be from those of `colors`."""
    rgb, frames = Image.fromarray(colors()), [Image.fromarray(colors()), Image.new("RGB", (WIDTH, HEIGHT), "blue")]
    more = {"save_all": True, "append_images": frames[1:]}
    return {
        "plain.jpg": (saved(rgb, "JPEG", quality=98, subsampling=0), 4),
        "progressive.jfif": (saved(rgb, "JPEG", quality=98, subsampling=0, progressive=True), 4),
        "no_suffix": (saved(rgb, "JPEG", quality=98, subsampling=0), 4),
        "jpeg_by_content.png": (saved(rgb, "JPEG", quality=98, subsampling=0), 4),
        "cmyk.jpg": (saved(rgb.convert("CMYK"), "JPEG", quality=98, subsampling=0), 6),
        "plain.png": (saved(rgb, "PNG"), 0),
        "palette.png": (saved(rgb.quantize(256), "PNG"), 40),
        "animated.png": (saved(rgb, "PNG", **more), 0),
        "plain.webp": (saved(rgb, "WEBP", lossless=True), 0),
        "animated.webp": (saved(rgb, "WEBP", lossless=True, **more), 0),
        "plain.bmp": (saved(rgb, "BMP"), 0),
        "plain.tif": (saved(rgb, "TIFF", compression="tiff_lzw"), 0),
        "cmyk.tif": (saved(rgb.convert("CMYK"), "TIFF"), 1),
        "pages.tif": (saved(rgb, "TIFF", **more), 0),
        "plain.gif": (saved(rgb.quantize(256), "GIF"), 40),
        "animated.gif": (saved(rgb.quantize(256), "GIF", save_all=True, append_images=frames[1:]), 40),
        "two.mpo": (saved(rgb, "MPO", quality=98, subsampling=0, **more), 4),
        "plain.avif": (saved(rgb, "AVIF", quality=95, subsampling="4:4:4"), 8),
    }


@cache
def grey() -> dict[str, bytes]:
    """Files of the red channel alone, by name."""
    red = colors()[..., 0]
    deep = Image.fromarray(red.astype(np.uint16) * 257)
    return {
        "grey.jpg": saved(Image.fromarray(red), "JPEG", quality=100),
        "grey.png": saved(Image.fromarray(red), "PNG"),
        "grey16.png": saved(deep, "PNG"),
        "grey16.tif": saved(deep, "TIFF"),
    }


@cache
def transparent() -> dict[str, tuple[bytes, float]]:
    """Files with `transparency`, by name, each with how far its visible colours may be from those of `colors`."""
    rgba = Image.fromarray(np.dstack([colors(), transparency()]))
    return {
        "rgba.png": (saved(rgba, "PNG"), 0),
        "rgba.webp": (saved(rgba, "WEBP", lossless=True, exact=True), 0),
        "rgba.tif": (saved(rgba, "TIFF"), 0),
        "rgba.avif": (saved(rgba, "AVIF", quality=95, subsampling="4:4:4"), 10),
    }


SAVE_TURNED: dict[str, Callable[[Image.Image], bytes]] = {
    "jpg": lambda image: saved(image, "JPEG", quality=98, subsampling=0, exif=exif(6)),
    "png": lambda image: saved(image, "PNG", exif=exif(6)),
    "webp": lambda image: saved(image, "WEBP", lossless=True, exif=exif(6)),
    "tif": lambda image: saved(image, "TIFF", exif=exif(6)),
    "avif": lambda image: saved(image, "AVIF", quality=95, subsampling="4:4:4", exif=exif(6)),
}


def turned(suffix: str) -> bytes:
    """The photograph stored on its side, with the EXIF orientation 6 that turns it upright."""
    return SAVE_TURNED[suffix](Image.fromarray(np.rot90(colors()).copy()))


def write_all(folder: Path) -> list[Path]:
    """All of these in a folder; their paths."""
    folder.mkdir(parents=True, exist_ok=True)
    contents = {name: data for name, (data, _) in {**opaque(), **transparent()}.items()} | grey()
    contents |= {f"turned.{suffix}": turned(suffix) for suffix in SAVE_TURNED}
    for name, data in contents.items():
        (folder / name).write_bytes(data)
    return [folder / name for name in contents]
