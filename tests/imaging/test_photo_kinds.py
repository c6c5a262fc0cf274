"""Every kind of photograph: right values, upright, with its transparency, profile and EXIF; damage is found."""

import struct

import cv2
import numpy as np
import pytest
from PIL import Image

from src.common.errors import DataError
from src.imaging import decode_alpha, decode_image, image_format, image_size, read_alpha, read_image, read_photo
from src.imaging import pillow as by_pillow
from src.imaging.formats import HEAD_BYTES
from src.imaging.header import PNG_SIGNATURE
from src.imaging.photo import decode_photo
from src.imaging.png import chunk
from tests.support import photo_kinds as kinds
from tests.support.programs import ROOT

OPAQUE, TRANSPARENT, GREY = kinds.opaque(), kinds.transparent(), kinds.grey()


@pytest.mark.parametrize("name", OPAQUE)
def test_values_of_every_kind(tmp_path, name):
    data, tolerance = OPAQUE[name]
    (tmp_path / name).write_bytes(data)
    image = read_image(tmp_path / name)
    assert image.dtype == np.uint8 and image.shape == (kinds.HEIGHT, kinds.WIDTH, 3) and image.flags.c_contiguous
    assert np.abs(image.astype(int) - kinds.colors()).max() <= tolerance
    photo = read_photo(tmp_path / name)
    np.testing.assert_array_equal(photo.image, image)
    assert photo.alpha is None
    assert photo.frames == (2 if name.split(".")[0] in ("animated", "pages") else 1)
    assert image_size(tmp_path / name) == (kinds.HEIGHT, kinds.WIDTH)


@pytest.mark.parametrize("name", GREY)
def test_grey_of_8_and_16_bits(tmp_path, name):
    (tmp_path / name).write_bytes(GREY[name])
    image, red = read_image(tmp_path / name), kinds.colors()[..., 0]
    assert image.shape == (*red.shape, 3) and np.abs(image - red[..., None].astype(int)).max() <= 2
    assert np.abs(read_alpha(tmp_path / name) - red / 255).max() <= 2 / 255


def test_one_bit_and_16_bit_colours(tmp_path):
    mask = kinds.colors()[..., 0] > 127
    Image.fromarray(mask).save(tmp_path / "bits.png")
    Image.fromarray(mask).save(tmp_path / "bits.tif")
    for name in ("bits.png", "bits.tif"):
        np.testing.assert_array_equal(read_image(tmp_path / name)[..., 1], np.where(mask, 255, 0))
    deep = kinds.colors()[..., ::-1].astype(np.uint16) * 257
    for name in ("deep.png", "deep.tif"):
        cv2.imwrite(str(tmp_path / name), deep)
        assert np.abs(read_image(tmp_path / name).astype(int) - kinds.colors()).max() <= 1


@pytest.mark.parametrize("name", TRANSPARENT)
def test_transparency_is_kept(tmp_path, name):
    data, tolerance = TRANSPARENT[name]
    (tmp_path / name).write_bytes(data)
    photo = read_photo(tmp_path / name)
    assert photo.alpha is not None and np.abs(photo.alpha.astype(int) - kinds.transparency()).max() <= 1
    seen = kinds.transparency() == 255
    assert np.abs(photo.image[seen].astype(int) - kinds.colors()[seen]).max() <= tolerance
    assert read_image(tmp_path / name).shape == (kinds.HEIGHT, kinds.WIDTH, 3)


def test_transparency_of_a_palette_and_of_one_colour():
    palette = Image.fromarray(np.zeros((4, 6), np.uint8), "P")
    palette.putpalette([10, 20, 30, 200, 100, 50])
    palette.putpixel((5, 3), 1)
    one = Image.new("RGB", (6, 4), (200, 100, 50))
    one.putpixel((0, 0), (10, 20, 30))
    for image, option, hidden in ((palette, 0, 23), (one, (200, 100, 50), 23)):
        photo = decode_photo(kinds.saved(image, "PNG", transparency=option), "a")
        assert photo.alpha is not None and np.count_nonzero(photo.alpha == 0) == hidden


@pytest.mark.parametrize("suffix", kinds.SAVE_TURNED)
def test_every_container_is_turned_upright(tmp_path, suffix):
    path = tmp_path / f"a.{suffix}"
    path.write_bytes(kinds.turned(suffix))
    expected = (kinds.HEIGHT, kinds.WIDTH)
    image = read_image(path)
    assert image.shape[:2] == expected == image_size(path)
    assert np.abs(image.astype(int) - kinds.colors()).max() <= 8
    photo = read_photo(path)
    np.testing.assert_array_equal(photo.image, image)
    assert photo.metadata.exif is not None
    carried = Image.Exif()
    carried.load(photo.metadata.exif)
    assert carried[0x0112] == 1 and carried[0x010F] == "Maker" and kinds.GPS not in carried


def test_heic(tmp_path):
    pytest.importorskip("pillow_heif")
    assert by_pillow._heif_is_here()
    path = tmp_path / "a.heic"
    stored = Image.fromarray(np.rot90(kinds.colors()).copy())
    path.write_bytes(kinds.saved(stored, "HEIF", quality=95, exif=kinds.exif(6).tobytes()))
    assert image_format(path.read_bytes()[:HEAD_BYTES]) == "heic"
    image = read_image(path)
    assert image.shape == (kinds.HEIGHT, kinds.WIDTH, 3)
    assert np.abs(image.astype(int) - kinds.colors()).mean() < 3


def test_heic_without_its_package_names_the_command(monkeypatch):
    monkeypatch.setattr(by_pillow, "_heif_is_here", lambda: False)
    head = (24).to_bytes(4, "big") + b"ftypheic\0\0\0\0mif1heic" + bytes(100)
    with pytest.raises(DataError, match=r"'a\.heic' is a HEIC image.*pip install pillow-heif==1\.8\.1"):
        decode_photo(head, "a.heic")


def test_profile_resolution_and_exif_come_along():
    image = Image.fromarray(kinds.colors())
    for kind in ("JPEG", "PNG", "WEBP", "TIFF", "AVIF"):
        options = {} if kind in ("WEBP", "AVIF") else {"dpi": (300, 300)}
        data = kinds.saved(image, kind, icc_profile=kinds.profile(), exif=kinds.exif(), **options)
        metadata = decode_photo(data, "a").metadata
        assert metadata.icc == kinds.profile()
        assert metadata.dpi is None if not options else np.allclose(metadata.dpi, 300, atol=0.1)
        for keep in (False, True):
            carried = Image.Exif()
            carried.load(decode_photo(data, "a", keep_gps=keep).metadata.exif)
            if kind == "TIFF":  # Pillow's writer leaves the sub-directories out
                assert carried[0x010F] == "Maker" and set(carried) <= {0x010F, 0x0112, 0x011A, 0x011B, 0x0128}
            else:
                assert (kinds.GPS in carried) == keep
                assert carried.get_ifd(0x8769)[0x829A] == pytest.approx(0.01)


def test_cmyk_goes_through_its_profile_or_leaves_it():
    """A profile of RGB does not fit CMYK: it is left out, and the colours are made without it."""
    data = kinds.saved(Image.fromarray(kinds.colors()).convert("CMYK"), "JPEG", quality=98, icc_profile=kinds.profile())
    photo = decode_photo(data, "a")
    assert photo.image.shape == (kinds.HEIGHT, kinds.WIDTH, 3)
    assert np.abs(photo.image.astype(int) - kinds.colors()).mean() < 6


@pytest.mark.parametrize("name", ["plain.jpg", "progressive.jfif", "plain.png", "plain.webp", "plain.gif", "plain.tif",
                                  "plain.bmp", "plain.avif"])  # fmt: skip
@pytest.mark.parametrize("share", [0.02, 0.5, 0.9])
def test_cut_files_are_damaged(name, share):
    data = OPAQUE[name][0]
    with pytest.raises(DataError, match=r"'a'.*(truncated|damaged|not an image)"):
        decode_photo(data[: int(share * len(data))], "a")


def test_a_jpeg_whose_middle_is_missing_or_wrong(tmp_path):
    noise = np.random.default_rng(0).integers(0, 256, (64, 96, 3), np.uint8)
    data = kinds.saved(Image.fromarray(noise), "JPEG", quality=90)
    half = data[: len(data) // 2] + b"\xff\xd9"
    flipped = bytearray(data)
    for at in range(len(data) // 2, len(data) // 2 + 64, 4):
        flipped[at] ^= 0x55
    for content in (half, bytes(flipped)):
        for read in (read_image, read_alpha):
            (tmp_path / "a.jpg").write_bytes(content)
            with pytest.raises(DataError, match=r"a\.jpg' is damaged: Corrupt JPEG data"):
                read(tmp_path / "a.jpg")


def test_the_limit_of_pixels_comes_before_the_decoder():
    for kind in ("PNG", "GIF", "TIFF", "WEBP", "JPEG"):
        image = Image.new("L", (200, 100))
        data = kinds.saved(image, kind)
        assert decode_photo(data, "a", max_pixels=20_000).image.shape == (100, 200, 3)
        with pytest.raises(DataError, match=r"200x100 pixels, 0 million; the limit is 0\.019999 million.*--max-pixels"):
            decode_photo(data, "a", max_pixels=19_999)
    size = chunk(b"IHDR", struct.pack(">IIBBBBB", 30_000, 30_000, 1, 0, 0, 0, 0))
    bomb = PNG_SIGNATURE + size + chunk(b"IDAT", b"") + chunk(b"IEND", b"")
    for read in (decode_photo, decode_image, decode_alpha):
        with pytest.raises(DataError, match="30000x30000 pixels, 900 million; the limit is 250 million"):
            read(bomb, "a")


def test_pillow_keeps_its_own_limit():
    decode_photo(kinds.saved(Image.new("L", (4, 4)), "GIF"), "a")
    assert Image.MAX_IMAGE_PIXELS == 89478485


def test_formats_are_told_by_content():
    every = {name: image_format(data[:HEAD_BYTES]) for name, (data, _) in {**OPAQUE, **TRANSPARENT}.items()}
    assert every["no_suffix"] == every["jpeg_by_content.png"] == every["two.mpo"] == "jpeg"
    for name in ("plain.png", "plain.webp", "plain.bmp", "plain.gif", "plain.avif"):
        assert every[name] == name.split(".")[1]
    assert every["plain.tif"] == "tiff"
    assert image_format(b"\0\0\0\x18ftypisom\0\0\0\0isommp42") is None and image_format(b"%PDF-1.7") is None


def test_jpegs_have_the_values_of_opencv_at_every_reduction(tmp_path):
    noise = cv2.GaussianBlur(np.random.default_rng(0).integers(0, 256, (101, 150, 3), np.uint8), (0, 0), 2)
    (tmp_path / "a.jpg").write_bytes(kinds.saved(Image.fromarray(noise), "JPEG", quality=90))
    flags = {1: 0, 2: cv2.IMREAD_REDUCED_COLOR_2, 4: cv2.IMREAD_REDUCED_COLOR_4, 8: cv2.IMREAD_REDUCED_COLOR_8}
    for reduce, flag in flags.items():
        expected = cv2.imread(str(tmp_path / "a.jpg"), cv2.IMREAD_COLOR | flag)[..., ::-1]
        np.testing.assert_array_equal(read_image(tmp_path / "a.jpg", reduce), expected)


@pytest.mark.parametrize(("stray", "read"), [(1, True), (16, True), (60, False)])
def test_a_few_bytes_between_a_jpeg_and_its_end_are_harmless(stray, read):
    """Some cameras leave them there; many are what a broken scan leaves."""
    whole = (ROOT / "docs" / "astronaut.jpg").read_bytes()
    data = whole[:-2] + b"\x55" * stray + whole[-2:]
    if read:
        np.testing.assert_array_equal(decode_photo(data, "a").image, decode_photo(whole, "a").image)
    else:
        with pytest.raises(DataError, match=r"'a' is damaged: .*extraneous bytes"):
            decode_photo(data, "a")
