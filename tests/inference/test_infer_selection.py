"""What infer.py is given and where the results go: many inputs, pipes, parts, one file, formats, transparency."""

import argparse
import io
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from src.common.errors import ConfigError
from src.imaging import decode_image, read_alpha, read_photo
from src.imaging.clean import clean_matte
from src.inference.naming import image_endings
from src.inference.options import parse_shard
from src.inference.sources import find_sources
from src.programs import infer
from tests.support import photo_kinds as kinds
from tests.support.fake_predictor import RedPredictor, disc, fake_model
from tests.support.programs import Outcome, run_main
from tests.support.videos import clip


@pytest.fixture
def model(tmp_path) -> Path:
    path = tmp_path / "model.onnx"
    path.write_bytes(b"for the fake runtime")
    return path


def run(model: Path, *arguments: Path | str) -> Outcome:
    with fake_model(RedPredictor()):
        return run_main(infer.main, *arguments, "--no-flip", "--model", model)


def files(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def photograph(path: Path, **options: object) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(kinds.colors()).save(path, **options)
    return path


def test_a_folder_of_every_kind(tmp_path, model):
    count = len(kinds.write_all(tmp_path / "in"))
    outcome = run(model, tmp_path / "in", "--output", tmp_path / "out")
    assert outcome.status == 0 and f"{count} images in" in outcome.out.splitlines()[-1], outcome
    assert len(files(tmp_path / "out")) == count
    said = sorted(line.split("'")[1].rsplit("/", 1)[1] for line in outcome.out.splitlines() if "the first is" in line)
    assert said == ["animated.gif", "animated.png", "animated.webp", "pages.tif"]
    for name in ("turned_jpg", "turned_webp", "turned_tif", "turned_avif"):
        made = np.asarray(Image.open(tmp_path / f"out/{name}.png"))
        assert made.shape == (kinds.HEIGHT, kinds.WIDTH, 4)
        assert np.abs(made[..., 3].astype(int) - kinds.colors()[..., 0]).max() <= 24


@pytest.mark.parametrize("name", kinds.transparent())
def test_no_alpha_is_above_the_photograph_s_own(tmp_path, model, name):
    (tmp_path / name).write_bytes(kinds.transparent()[name][0])
    assert run(model, tmp_path / name, "--output", tmp_path / "x.png").status == 0
    made = np.asarray(Image.open(tmp_path / "x.png"))
    assert (made[..., 3] <= kinds.transparency()).all() and made[..., 3].max() >= 250
    assert (made[:, : kinds.WIDTH // 4] == 0).all()  # nothing of the hidden colours


def test_files_patterns_and_folders_together(tmp_path, model, monkeypatch):
    for name in ("a.jpg", "b.png", "sub/c.png", "sub/deep/d.png", "p1.png", "p2.png"):
        photograph(tmp_path / "in" / name)
    monkeypatch.chdir(tmp_path)
    outcome = run(model, "in/a.jpg", "in/b.png", "in/p*.png", "in/a.jpg", "--input", "gone.png", "in/sub")
    assert outcome.status == 1 and "5 images in" in outcome.out
    last = outcome.out.splitlines()[-1]
    assert "2 of 7 not done: There is no file or folder 'gone.png'; 'in/sub/deep' is a folder; --recursive" in last
    assert files(tmp_path / "output") == ["a.png", "b.png", "c.png", "p1.png", "p2.png"]
    assert run(model, "in", "--recursive", "--output", "in/out").status == 0
    expected = ["a.png", "b.png", "p1.png", "p2.png", "sub/c.png", "sub/deep/d.png"]
    assert files(tmp_path / "in/out") == expected
    again = run(model, "in", "--recursive", "--output", "in/out", "--existing", "skip")
    assert again.status == 0 and "(6 there already)" in again.out.splitlines()[-1]


def test_one_bad_entry_stops_nothing(tmp_path, model):
    folder = tmp_path / "in"
    photograph(folder / "good.png")
    (folder / "loop").symlink_to("loop")
    (folder / "circle").symlink_to(folder)
    photograph(folder / f"{'n' * 247}.png").rename(folder / f"{'n' * 255}")
    (folder / "half.jpg").write_bytes(kinds.opaque()["plain.jpg"][0][:700])
    outcome = run(model, folder, "--recursive", "--output", tmp_path / "out", "--outputs", "alpha,cutout")
    assert outcome.status == 1 and files(tmp_path / "out") == ["good.png", "good_alpha.png"]
    last = outcome.out.splitlines()[-1]
    assert "1 image in" in last and "4 of 5 not done" in last
    for reason in ("loop': Too many levels", "circle' is a link", "has 265 bytes; 255 are the most", "is truncated"):
        assert reason in last


def test_images_and_videos_in_one_run(tmp_path, model):
    photograph(tmp_path / "in/a.png")
    clip(tmp_path / "in/clip.mov", 3)
    (tmp_path / "in/broken.mp4").write_bytes(b"\0\0\0\x18ftypisom" + bytes(200))
    outcome = run(model, tmp_path / "in", "--output", tmp_path / "out")
    assert outcome.status == 1 and "1 image and 1 video in" in outcome.out.splitlines()[-1], outcome
    assert "1 of 3 not done" in outcome.out and "broken.mp4" in outcome.out.splitlines()[-1]
    assert files(tmp_path / "out")[0] == "a.png" and any("clip" in name for name in files(tmp_path / "out"))


def test_parts_are_stable_and_hold_everything_once(tmp_path, model):
    for n in range(40):
        (tmp_path / "in").mkdir(exist_ok=True)
        (tmp_path / f"in/{n}.png").write_bytes(kinds.opaque()["plain.png"][0])
    whole = find_sources([str(tmp_path / "in")])
    parts = [{f.path.name for f in whole.shard(k, 3).images} for k in (1, 2, 3)]
    assert sum(map(len, parts)) == 40 == len(set.union(*parts)) and min(map(len, parts)) >= 7
    (tmp_path / "in/00.png").write_bytes(b"another beside them")
    assert {f.path.name for f in find_sources([str(tmp_path / "in")]).shard(2, 3).images} - {"00.png"} == parts[1]
    (tmp_path / "in/00.png").unlink()
    for k in (1, 2, 3):
        arguments = (tmp_path / "in", "--output", tmp_path / "out", "--shard", f"{k}/3", "--existing", "skip")
        assert run(model, *arguments).status == 0
    assert len(files(tmp_path / "out")) == 40


@pytest.mark.parametrize("text", ["3/2", "0/2", "3", "a/b", "1/0", "-1/2"])
def test_a_part_that_is_none(text):
    with pytest.raises(argparse.ArgumentTypeError, match="expected a part such as 3/8"):
        parse_shard(text)


def test_one_input_and_the_name_of_a_file(tmp_path, model):
    source = photograph(tmp_path / "a.jpg", quality=95)
    for name, kind in (("x.png", "PNG"), ("new/x.webp", "WEBP")):
        assert run(model, source, "--output", tmp_path / name).status == 0
        with Image.open(tmp_path / name) as made:
            assert made.format == kind and made.mode == "RGBA" and made.size == (kinds.WIDTH, kinds.HEIGHT)
    assert run(model, source, "--output", tmp_path / "x.jpg", "--background", "white").status == 0
    with Image.open(tmp_path / "x.jpg") as made:
        assert made.format == "JPEG" and made.mode == "RGB"
    assert run(model, source, "--output", tmp_path / "m.jpg", "--outputs", "alpha").status == 0
    text = run(model, source, source.rename(tmp_path / "b.jpg"), photograph(tmp_path / "a.jpg"),
               "--output", tmp_path / "y.png").assert_refused()  # fmt: skip
    assert "is for one image, and there are 2 inputs" in text
    assert "JPEG holds no transp" in run(model, source, "--output", tmp_path / "z.jpg").assert_refused()
    assert "contradict" in run(model, source, "--output", tmp_path / "z.png", "--format", "webp").assert_refused()
    several = run(model, source, "--output", tmp_path / "z.png", "--outputs", "alpha,cutout").assert_refused()
    assert "is one file, and --outputs asks for 2" in several
    assert "already: x.png" in run(model, source, "--output", tmp_path / "x.png").assert_refused()
    assert "over an input" in run(model, tmp_path / "x.png", "--output", tmp_path / "x.png").assert_refused()


def test_a_pipe(tmp_path, model, monkeypatch):
    class Pipe(io.StringIO):
        def __init__(self, content: bytes = b"") -> None:
            super().__init__()
            self.buffer = io.BytesIO(content)

    given, taken = Pipe(kinds.turned("jpg")), Pipe()
    monkeypatch.setattr(sys, "stdin", given)
    with fake_model(RedPredictor()), monkeypatch.context() as patch:
        patch.setattr(sys, "stdout", taken)
        patch.setattr(sys, "argv", ["infer.py", "-", "--output", "-", "--no-flip", "--model", str(model)])
        assert infer.main() == 0
    assert taken.getvalue() == ""  # the log goes to standard error
    made = Image.open(io.BytesIO(taken.buffer.getvalue()))
    assert made.format == "PNG" and made.mode == "RGBA" and made.size == (kinds.WIDTH, kinds.HEIGHT)


@pytest.mark.parametrize("encoding", ["png", "webp", "jpg"])
def test_profile_resolution_and_exif_are_in_what_is_written(tmp_path, model, encoding):
    source = photograph(tmp_path / "a.jpg", dpi=(300, 300), icc_profile=kinds.profile(), exif=kinds.exif(3))
    common = (source, "--format", encoding, "--background", "#00b140", "--outputs", "composite")
    assert run(model, *common, "--output", tmp_path / "out").status == 0
    assert run(model, *common, "--output", tmp_path / "gps", "--keep-gps").status == 0
    metadata = read_photo(tmp_path / f"out/a_composite.{encoding}").metadata
    assert metadata.icc == kinds.profile()
    assert encoding == "webp" or np.allclose(metadata.dpi, 300, atol=0.1)
    for folder, gps in (("out", False), ("gps", True)):
        with Image.open(tmp_path / f"{folder}/a_composite.{encoding}") as made:
            carried = made.getexif()
            assert carried[0x0112] == 1 and carried[0x010F] == "Maker" and (kinds.GPS in carried) == gps
            assert carried.get_ifd(0x8769)[0x829A] == pytest.approx(0.01)


def test_the_limit_of_pixels_can_be_lowered_and_lifted(tmp_path, model):
    source, pixels = photograph(tmp_path / "a.png"), kinds.WIDTH * kinds.HEIGHT
    outcome = run(model, source, "--output", tmp_path / "out", "--max-pixels", str(pixels - 1))
    assert outcome.status == 1 and "80x48 pixels" in outcome.out and not files(tmp_path / "out")
    assert run(model, source, "--output", tmp_path / "out", "--max-pixels", str(pixels)).status == 0


def test_names_of_results():
    assert image_endings(("cutout", "alpha", "composite"), "webp") == {
        "cutout": ".webp", "alpha": "_alpha.webp", "composite": "_composite.webp"
    }  # fmt: skip
    assert image_endings(("alpha", "composite"), "png") == {"alpha": ".png", "composite": "_composite.png"}


def test_clean_keeps_large_parts_and_closes_small_holes(tmp_path, model):
    matte = np.maximum(disc(90, 128, 60), disc(200, 128, 30))  # the second has a quarter of the first one's area
    speck, hole, window = disc(220, 30, 8), disc(90, 128, 5), disc(70, 110, 12)
    dirty = np.clip(np.maximum(matte, speck) - hole - window, 0, 1)
    cleaned = clean_matte(dirty)
    np.testing.assert_allclose(cleaned, np.clip(matte - window, 0, 1), atol=0.11)
    assert dirty[30, 220] == 1 and cleaned[30, 220] == 0
    assert dirty[128, 90] == 0 and cleaned[128, 90] == 1
    assert cleaned[110, 70] == 0  # 4 % of the person: an arm akimbo, no fault
    np.testing.assert_array_equal(clean_matte(np.zeros((4, 5), np.float32)), 0)

    image = np.zeros((64, 64, 3), np.uint8)
    image[8:50, 8:50, 0], image[58:61, 58:61, 0] = 255, 255
    Image.fromarray(image).save(tmp_path / "a.png")
    for options, left in (((), 255), (("--clean",), 0)):
        assert (
            run(model, tmp_path / "a.png", "--output", tmp_path / f"o{left}", "--outputs", "alpha", *options).status
            == 0
        )
        assert round(255 * read_alpha(tmp_path / f"o{left}/a.png")[59, 59]) == left


def test_an_empty_name_is_no_folder():
    with pytest.raises(ConfigError, match="--input is empty"):
        find_sources([""])


def test_pixels_of_every_encoding_come_back():
    from src.imaging.encode import encode_image

    rng = np.random.default_rng(0)
    for shape in ((5, 7), (5, 7, 3), (5, 7, 4)):
        array = rng.integers(0, 256, shape, np.uint8)
        made = np.asarray(Image.open(io.BytesIO(encode_image(array, "png"))))
        np.testing.assert_array_equal(made, array)
    smooth = kinds.colors()
    for encoding in ("webp", "jpg"):
        back = decode_image(encode_image(smooth, encoding), "a")[0]
        assert np.abs(back.astype(int) - smooth).mean() < 4
        grey = decode_image(encode_image(smooth[..., 0].copy(), encoding), "a")[0][..., 0]
        assert np.abs(grey.astype(int) - smooth[..., 0]).max() <= (0 if encoding == "webp" else 8)
