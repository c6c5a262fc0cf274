"""Reading and writing of images: orientation, bit depths, channels, damaged files, whole files."""

import os
import struct
import zlib
from pathlib import Path

import cv2
import numpy as np
import pytest

from src.common.errors import DataError, OutputError
from src.imaging import image_size, read_alpha, read_image, read_image_for, write_alpha, write_png

# What a viewer must do with the stored rows for each EXIF orientation (EXIF 2.32, tag 0x0112).
UPRIGHT = {
    1: lambda a: a,
    2: lambda a: a[:, ::-1],
    3: lambda a: a[::-1, ::-1],
    4: lambda a: a[::-1],
    5: lambda a: a.swapaxes(0, 1),
    6: lambda a: np.rot90(a, -1),
    7: lambda a: a.swapaxes(0, 1)[::-1, ::-1],
    8: lambda a: np.rot90(a, 1),
}


def exif(orientation: int, order: str = "<") -> bytes:
    start = b"II*\0" if order == "<" else b"MM\0*"
    entry = struct.pack(order + "HHIHH", 0x0112, 3, 1, orientation, 0)
    return start + struct.pack(order + "IH", 8, 1) + entry + b"\0\0\0\0"


def jpeg_with(content: bytes, data: bytes) -> bytes:
    return data[:2] + b"\xff\xe1" + struct.pack(">H", len(content) + 2) + content + data[2:]


def png_with(tiff: bytes, data: bytes) -> bytes:
    chunk = b"eXIf" + tiff
    return data[:33] + struct.pack(">I", len(tiff)) + chunk + struct.pack(">I", zlib.crc32(chunk)) + data[33:]


def gradient(height: int = 20, width: int = 30) -> np.ndarray:
    y, x = np.mgrid[:height, :width]
    return (5 * y + 4 * x).astype(np.uint8)


def encode(suffix: str, array: np.ndarray) -> bytes:
    return cv2.imencode(suffix, array)[1].tobytes()


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("order", "<>")
def test_exif_orientation_is_applied_to_images_alphas_and_sizes(tmp_path, orientation, order):
    path, stored = tmp_path / "a.png", gradient()
    path.write_bytes(png_with(exif(orientation, order), encode(".png", stored)))
    expected = UPRIGHT[orientation](stored)
    np.testing.assert_array_equal(read_image(path)[..., 1], expected)
    np.testing.assert_array_equal(np.rint(255 * read_alpha(path)), expected)
    assert image_size(path) == expected.shape


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation_of_jpeg(tmp_path, orientation):
    path, stored = tmp_path / "a.jpg", gradient()
    path.write_bytes(jpeg_with(b"Exif\0\0" + exif(orientation), encode(".jpg", stored)))
    expected = UPRIGHT[orientation](stored)
    assert np.abs(read_image(path)[..., 0].astype(int) - expected).max() <= 3
    np.testing.assert_array_equal(np.rint(255 * read_alpha(path)), read_image(path)[..., 0])
    assert image_size(path) == expected.shape


def test_damaged_exif_is_upright(tmp_path):
    path = tmp_path / "a.jpg"
    path.write_bytes(jpeg_with(b"Exif\0\0II*\0\xff\xff\xff\xff", encode(".jpg", gradient())))
    assert image_size(path) == (20, 30) == read_image(path).shape[:2]


def test_channels_come_as_rgb_uint8(tmp_path):
    bgr = np.zeros((4, 5, 3), np.uint8)
    bgr[..., 2], bgr[..., 1] = 200, 30
    for name, array in {"rgb": bgr, "rgba": np.dstack([bgr, np.full((4, 5), 7, np.uint8)])}.items():
        path = tmp_path / f"{name}.png"
        path.write_bytes(encode(".png", array))
        image = read_image(path)
        assert image.dtype == np.uint8 and image.shape == (4, 5, 3)
        assert image[2, 3].tolist() == [200, 30, 0]


def test_16_bit_and_grey_images(tmp_path):
    path = tmp_path / "a.png"
    path.write_bytes(encode(".png", np.full((4, 5), 0x40FF, np.uint16)))
    image = read_image(path)
    assert image.dtype == np.uint8 and image.shape == (4, 5, 3) and image[0, 0].tolist() == [0x40] * 3


def test_alpha_values_of_8_and_16_bit(tmp_path):
    path = tmp_path / "a.png"
    path.write_bytes(encode(".png", np.array([[0, 51, 255]], np.uint8)))
    assert read_alpha(path).tolist() == [[0.0, np.float32(0.2), 1.0]]
    path.write_bytes(encode(".png", np.array([[0, 13107, 65535]], np.uint16)))
    alpha = read_alpha(path)
    assert alpha.tolist() == [[0.0, np.float32(0.2), 1.0]] and alpha.dtype == np.float32


@pytest.mark.parametrize("channels", [3, 4])
def test_alpha_with_several_channels(tmp_path, channels):
    path, grey = tmp_path / "a.png", gradient()
    path.write_bytes(encode(".png", np.dstack([grey] * channels)))
    with pytest.raises(DataError, match=f"a.png' has {channels} channels.*alpha_allow_rgb: True"):
        read_alpha(path)
    np.testing.assert_array_equal(np.rint(255 * read_alpha(path, allow_rgb=True)), grey)
    path.write_bytes(encode(".png", np.dstack([grey, grey + 1, *[grey] * (channels - 2)])))
    with pytest.raises(DataError, match=f"{channels} channels.*differ"):
        read_alpha(path, allow_rgb=True)


def test_alpha_of_another_number_type_is_refused(tmp_path):
    path = tmp_path / "a.tiff"
    path.write_bytes(encode(".tiff", np.zeros((4, 4), np.float32)))
    with pytest.raises(DataError, match="float32 values"):
        read_alpha(path)


@pytest.mark.parametrize("read", [read_image, read_alpha])
@pytest.mark.parametrize("suffix", [".jpg", ".png", ".webp"])
@pytest.mark.parametrize("share", [0.3, 0.7, 0.98])
def test_truncated_files_are_refused(tmp_path, read, suffix, share):
    path = tmp_path / f"a{suffix}"
    noise = np.random.default_rng(0).integers(0, 256, (64, 64), np.uint8)
    data = encode(suffix, noise)
    path.write_bytes(data[: int(share * len(data))])
    with pytest.raises(DataError, match=rf"a\{suffix}' is truncated.*again"):
        read(path)


def test_truncated_jpeg_with_a_whole_thumbnail_is_refused(tmp_path):
    noise = np.random.default_rng(0).integers(0, 256, (64, 64), np.uint8)
    path, data = tmp_path / "a.jpg", encode(".jpg", noise)
    thumbnail = b"Exif\0\0" + exif(1) + encode(".jpg", gradient(8, 8))
    path.write_bytes(jpeg_with(thumbnail, data)[:-200])
    with pytest.raises(DataError, match="is truncated"):
        read_image(path)
    path.write_bytes(jpeg_with(thumbnail, data))
    assert read_image(path).shape == (64, 64, 3)


@pytest.mark.parametrize("suffix", [".jpg", ".png"])
def test_bytes_after_the_end_are_tolerated(tmp_path, suffix):
    path = tmp_path / f"a{suffix}"
    path.write_bytes(encode(suffix, gradient()) + b"trailing bytes")
    assert read_image(path).shape == (20, 30, 3)


@pytest.mark.parametrize("read", [read_image, read_alpha, image_size])
def test_missing_empty_and_foreign_files_are_named(tmp_path, read):
    with pytest.raises(DataError, match=r"gone\.png': No such file"):
        read(tmp_path / "gone.png")
    (tmp_path / "empty.png").write_bytes(b"")
    with pytest.raises(DataError, match=r"empty\.png' is empty"):
        read(tmp_path / "empty.png")
    (tmp_path / "text.png").write_text("not an image")
    with pytest.raises(DataError, match=r"text\.png' is not an image"):
        read(tmp_path / "text.png")
    with pytest.raises(DataError, match="Is a directory"):
        read(tmp_path)


def test_corrupt_png_is_refused(tmp_path):
    path, data = tmp_path / "a.png", bytearray(encode(".png", gradient(64, 64)))
    data[len(data) // 2] ^= 0xFF
    path.write_bytes(bytes(data))
    with pytest.raises(DataError, match="damaged PNG file"):
        read_image(path)


@pytest.mark.parametrize("suffix", [".bmp", ".webp", ".tiff"])
def test_size_of_other_formats(tmp_path, suffix):
    path = tmp_path / f"a{suffix}"
    path.write_bytes(encode(suffix, gradient()))
    assert image_size(path) == (20, 30)


def test_reduced_jpeg(tmp_path):
    path = tmp_path / "a.jpg"
    path.write_bytes(encode(".jpg", gradient(101, 150)))
    assert [read_image(path, reduce=r).shape[:2] for r in (1, 2, 4, 8)] == [(101, 150), (51, 75), (26, 38), (13, 19)]


@pytest.mark.parametrize(
    ("short_side", "height"), [(12, 13), (13, 26), (25, 26), (26, 51), (50, 51), (51, 101), (500, 101)]
)
def test_largest_reduction_that_keeps_the_shorter_side(tmp_path, short_side, height):
    path = tmp_path / "a.jpg"
    path.write_bytes(jpeg_with(b"Exif\0\0" + exif(6), encode(".jpg", gradient(150, 101))))
    image, full_size = read_image_for(path, short_side)
    assert full_size == (101, 150) and image.shape[0] == height
    path.write_bytes(encode(".png", gradient(101, 150)))
    assert read_image_for(path, short_side)[0].shape == (101, 150, 3)


@pytest.mark.parametrize("shape", [(6, 7), (6, 7, 3), (6, 7, 4)])
def test_png_round_trip(tmp_path, shape):
    path = tmp_path / "new" / "folder" / "a.png"
    array = np.random.default_rng(1).integers(0, 256, shape, np.uint8)
    write_png(path, array)
    stored = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    if len(shape) == 3:
        stored = stored[..., [2, 1, 0, 3][: shape[2]]]
    np.testing.assert_array_equal(stored, array)
    assert os.listdir(path.parent) == ["a.png"]


def test_alpha_is_rounded_to_8_bit(tmp_path):
    path = tmp_path / "a.png"
    write_alpha(path, np.array([[0, 0.2, 0.4985, 0.999, 1, -0.5, 1.5]], np.float32))
    assert cv2.imread(str(path), cv2.IMREAD_UNCHANGED).tolist() == [[0, 51, 127, 255, 255, 0, 255]]


def test_alpha_in_the_fourth_channel(tmp_path):
    path, rng = tmp_path / "a.png", np.random.default_rng(0)
    pixels = rng.integers(0, 256, (4, 5, 4), np.uint8)
    path.write_bytes(encode(".png", pixels))
    with pytest.raises(DataError, match=r"4 channels .* differ: set `alpha_channel: 4` .*; or save it as grey"):
        read_alpha(path)
    np.testing.assert_array_equal(np.rint(255 * read_alpha(path, "fourth")), pixels[..., 3])
    path.write_bytes(encode(".png", pixels[..., 0]))
    np.testing.assert_array_equal(np.rint(255 * read_alpha(path, "fourth")), pixels[..., 0])
    path.write_bytes(encode(".png", pixels[..., :3]))
    with pytest.raises(DataError, match=r"3 channels .* differ, so it is not an alpha"):
        read_alpha(path, "fourth")


def indexed_png(pixels: np.ndarray, palette: np.ndarray) -> bytes:
    height, width = pixels.shape
    rows = b"".join(b"\0" + row.tobytes() for row in pixels)
    parts = [
        (b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 3, 0, 0, 0)),
        (b"PLTE", palette.astype(np.uint8).tobytes()),
    ]
    parts += [(b"IDAT", zlib.compress(rows)), (b"IEND", b"")]
    chunks = (struct.pack(">I", len(d)) + k + d + struct.pack(">I", zlib.crc32(k + d)) for k, d in parts)
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


def test_alpha_with_a_palette(tmp_path):
    path, pixels = tmp_path / "a.png", np.array([[0, 1, 2]], np.uint8)
    path.write_bytes(indexed_png(pixels, np.array([[0] * 3, [255] * 3, [100] * 3])))
    np.testing.assert_array_equal(np.rint(255 * read_alpha(path)), [[0, 255, 100]])
    path.write_bytes(indexed_png(pixels, np.array([[0, 0, 0], [128, 0, 0], [0, 128, 0]])))
    with pytest.raises(DataError, match="has a palette, whose colours stand for classes: write 255 where"):
        read_alpha(path)


def test_png_refuses_floats_and_two_channels(tmp_path):
    for array in (np.zeros((4, 4)), np.zeros((4, 4, 2), np.uint8)):
        with pytest.raises(DataError, match="PNG takes uint8"):
            write_png(tmp_path / "a.png", array)


def test_a_failed_write_leaves_the_earlier_file(tmp_path, monkeypatch):
    path = tmp_path / "a.png"
    write_png(path, gradient())

    def full_disk(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full_disk)
    with pytest.raises(OutputError, match=r"a\.png.*No space left"):
        write_png(path, 255 - gradient())
    monkeypatch.undo()
    np.testing.assert_array_equal(read_image(path)[..., 0], gradient())
    assert os.listdir(tmp_path) == ["a.png"]


def test_a_place_that_cannot_be_written(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match=r"file/a\.png"):
        write_png(tmp_path / "file" / "a.png", gradient())
