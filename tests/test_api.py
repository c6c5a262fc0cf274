"""Matting from Python: whatever form a picture has, the mattes are those of infer.py."""

import io
import resource
from concurrent.futures import ThreadPoolExecutor

import cv2
import numpy as np
import pytest
from PIL import Image

import src
from src.api import Matting, list_models
from src.common.errors import MattingError
from src.imaging import read_image, to_uint8
from src.runtime.factory import open_predictor
from tests.support.programs import ROOT

MODEL, PHOTO = "modnet-p-int8", ROOT / "docs" / "astronaut.jpg"


@pytest.fixture(scope="module")
def matting() -> Matting:
    return Matting(MODEL, threads=1)


@pytest.fixture(scope="module")
def small() -> np.ndarray:
    """The photograph at a quarter of its sides, uint8 RGB."""
    image = read_image(PHOTO)
    return cv2.resize(image, (image.shape[1] // 4, image.shape[0] // 4), interpolation=cv2.INTER_AREA)


@pytest.fixture(scope="module")
def expected(small) -> np.ndarray:
    return open_predictor(MODEL, threads=1)[0].predict(small)


def png_of(image: np.ndarray) -> bytes:
    return cv2.imencode(".png", image[..., ::-1])[1].tobytes()


def test_every_form_of_a_picture_gives_the_same_alpha(matting, small, expected, tmp_path):
    path = tmp_path / "small.png"
    path.write_bytes(png_of(small))
    turned = Image.fromarray(np.ascontiguousarray(np.rot90(small)))
    exif = turned.getexif()
    exif[274] = 6  # shown turned clockwise
    stored = io.BytesIO()
    turned.save(stored, "PNG", exif=exif)
    for picture in (small, path, str(path), path.read_bytes(), Image.fromarray(small), Image.open(stored)):
        np.testing.assert_array_equal(matting.alpha(picture), expected)
    assert (
        expected.dtype == np.float32 and expected.shape == small.shape[:2] and 0 <= expected.min() < expected.max() <= 1
    )


def test_cutout_and_composite(matting, small, expected):
    cutout = matting.cutout(small)
    assert (cutout.mode, cutout.size) == ("RGBA", small.shape[1::-1])
    np.testing.assert_array_equal(np.asarray(cutout)[..., 3], to_uint8(expected))
    clear, opaque = to_uint8(expected) == 0, to_uint8(expected) == 255
    assert clear.sum() > 1000 and opaque.sum() > 1000
    white, grey = matting.composite(small, "white"), matting.composite(small, np.full((1, 1, 3), 77, np.uint8))
    assert white.mode == "RGB" and np.asarray(white)[clear].min() >= 254
    assert abs(np.asarray(grey)[clear].astype(int) - 77).max() <= 1
    assert abs(np.asarray(white).astype(int) - small)[opaque].max() <= 1
    blurred = np.asarray(matting.composite(small)).astype(int)
    assert abs(blurred - small)[clear].mean() > 1 and abs(blurred - small)[opaque].max() <= 1


def test_what_is_transparent_already_stays_so(matting, small, expected):
    hidden = np.full(small.shape[:2], 255, np.uint8)
    hidden[:, :40], hidden[:20] = 0, 51
    rgba = Image.fromarray(np.dstack((small, hidden)))
    limit = np.minimum(expected, hidden.astype(np.float32) / 255)
    assert (limit < expected).mean() > 0.2
    np.testing.assert_array_equal(matting.alpha(rgba), limit)
    stored = io.BytesIO()
    rgba.save(stored, "PNG")
    np.testing.assert_array_equal(matting.alpha(stored.getvalue()), limit)


def test_several_threads_get_their_own_pictures(matting, small):
    pictures = [np.roll(small, 8 * i, axis=1) for i in range(6)]
    alone = [matting.alpha(picture) for picture in pictures]
    with ThreadPoolExecutor(6) as pool:
        for mine, expected in zip(pool.map(matting.alpha, pictures), alone, strict=True):
            np.testing.assert_array_equal(mine, expected)


def test_frames_of_a_video(matting, tmp_path):
    path, frame = tmp_path / "a.mp4", np.zeros((48, 64, 3), np.uint8)
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"mp4v"), 8, (64, 48))
    for number in range(4):
        writer.write(frame + 40 * number)
    writer.release()
    times, alphas = zip(*matting.video(path), strict=True)
    assert times == (0, 0.125, 0.25, 0.375)
    reader = cv2.VideoCapture(str(path))
    for alpha in alphas:
        stored = cv2.cvtColor(reader.read()[1], cv2.COLOR_BGR2RGB)
        np.testing.assert_array_equal(alpha, matting.alpha(stored))
    with pytest.raises(MattingError, match=r"nothing\.mp4"):
        next(matting.video(tmp_path / "nothing.mp4"))


@pytest.mark.slow
def test_memory_does_not_grow(matting, small):
    for _ in range(20):
        matting.cutout(small)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for _ in range(200):
        matting.cutout(small)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 8 << 10  # KiB


@pytest.mark.parametrize(
    ("picture", "text"),
    [
        ("nothing.jpg", "nothing.jpg"),
        (b"", "the bytes given"),
        (b"\x89PNG\r\n", "the bytes given"),
        (np.zeros((8, 8), np.uint8), r"uint8 \[H, W, 3\]; this is uint8 \[8, 8\]"),
        (np.zeros((8, 8, 3)), r"this is float64 \[8, 8, 3\]"),
        (np.zeros((0, 8, 3), np.uint8), r"\[0, 8, 3\]"),
        (None, "this is a NoneType"),
        (np.zeros((1, 100, 3), np.uint8), "too narrow"),
    ],
)
def test_what_is_no_picture(matting, picture, text):
    for method in (matting.alpha, matting.cutout, matting.composite):
        with pytest.raises(MattingError, match=text):
            method(picture)


def test_what_is_no_background_or_model(matting, small):
    with pytest.raises(MattingError, match="neither a file nor a colour"):
        matting.composite(small, "whitish")
    with pytest.raises(MattingError, match="this is a float"):
        matting.composite(small, 0.5)
    with pytest.raises(MattingError, match="nor a released model 'modnet-q'"):
        Matting("modnet-q")
    with pytest.raises(MattingError, match="`threads` must be at least 1, got 0"):
        Matting(MODEL, threads=0)


def test_the_package_itself_offers_it():
    assert src.Matting is Matting and src.MattingError is MattingError and src.list_models is list_models
    assert MODEL in {model.name for model in src.list_models()}
    with pytest.raises(AttributeError, match="no attribute 'matting'"):
        src.matting  # noqa: B018
