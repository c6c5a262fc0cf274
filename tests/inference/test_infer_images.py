"""infer.py on images, with a network that takes the red channel for the matte."""

import struct
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from src.imaging import read_alpha, read_image, write_png
from src.programs import infer
from tests.support.fake_predictor import RedPredictor, fake_model
from tests.support.programs import ROOT, Outcome, run_main


@pytest.fixture
def model(tmp_path) -> Path:
    path = tmp_path / "model.onnx"
    path.write_bytes(b"for the fake runtime")
    return path


def photograph(height: int = 64, width: int = 64, seed: int = 0) -> np.ndarray:
    """Smooth colours: a red ramp from left to right, noise in blue."""
    image = np.zeros((height, width, 3), np.uint8)
    image[..., 0] = np.linspace(0, 255, width).round()
    image[..., 2] = np.random.default_rng(seed).integers(0, 256, (height, width))
    return image


def run(model: Path, source: Path | str, output: Path, *options: str, predictor: RedPredictor | None = None) -> Outcome:
    with fake_model(predictor):
        return run_main(infer.main, "--model", model, "--input", source, "--output", output, *options)


def test_a_image_leaves_alpha_and_cut_out_of_its_size(tmp_path, model):
    write_png(tmp_path / "a.png", photograph())
    outcome = run(model, tmp_path / "a.png", tmp_path / "out", "--outputs", "rgba,alpha")
    assert outcome.status == 0, outcome
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == ["a.png", "a_alpha.png"]
    stored = cv2.imread(str(tmp_path / "out/a_alpha.png"), cv2.IMREAD_UNCHANGED)
    assert stored.dtype == np.uint8 and np.abs(stored.astype(int) - photograph()[..., 0]).max() <= 1
    cut = cv2.imread(str(tmp_path / "out/a.png"), cv2.IMREAD_UNCHANGED)
    assert cut.shape == (64, 64, 4)
    np.testing.assert_array_equal(cut[..., 3], stored)
    assert (cut[stored == 0] == 0).all() and np.count_nonzero(stored == 0) >= 64
    assert run(model, tmp_path / "a.png", tmp_path / "plain").status == 0
    assert (tmp_path / "plain/a.png").read_bytes() == (tmp_path / "out/a.png").read_bytes()
    assert len(list((tmp_path / "plain").iterdir())) == 1


def test_sides_that_the_network_cannot_take_come_back(tmp_path, model):
    write_png(tmp_path / "a.png", photograph(111, 203))
    predictor = RedPredictor()
    assert (
        run(model, tmp_path / "a.png", tmp_path / "out", "--no-flip", "--outputs", "alpha", predictor=predictor).status
        == 0
    )
    assert predictor.shapes == [(1, 3, 64, 128)]
    alpha = read_alpha(tmp_path / "out/a.png")
    assert alpha.shape == (111, 203) and np.abs(alpha - np.linspace(0, 1, 203)).max() < 0.02


def with_orientation(jpeg: bytes, orientation: int) -> bytes:
    tiff = b"II*\0" + struct.pack("<IHHHIHHI", 8, 1, 0x0112, 3, 1, orientation, 0, 0)
    segment = b"Exif\0\0" + tiff
    return jpeg[:2] + b"\xff\xe1" + struct.pack(">H", 2 + len(segment)) + segment + jpeg[2:]


@pytest.mark.parametrize(("orientation", "turned"), [(1, lambda a: a), (3, lambda a: a[::-1, ::-1]),
                                                     (6, lambda a: np.rot90(a, -1)), (8, np.rot90)])  # fmt: skip
def test_the_matte_lies_as_the_photograph_is_shown(tmp_path, model, orientation, turned):
    flat = photograph(64, 96)
    flat[..., 2] = 0
    jpeg = cv2.imencode(".jpg", flat[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 100])[1].tobytes()
    (tmp_path / "a.jpg").write_bytes(with_orientation(jpeg, orientation))
    assert run(model, tmp_path / "a.jpg", tmp_path / "out", "--outputs", "alpha").status == 0
    alpha, expected = read_alpha(tmp_path / "out/a.png"), turned(flat[..., 0]) / 255
    assert alpha.shape == expected.shape and np.abs(alpha - expected).max() < 0.06
    shown = read_image(tmp_path / "a.jpg")
    assert shown.shape[:2] == alpha.shape


def test_composites(tmp_path, model):
    write_png(tmp_path / "a.png", photograph())
    outcome = run(model, tmp_path / "a.png", tmp_path / "out", "--background", "0,255,0", "--outputs", "composite")
    assert outcome.status == 0 and [p.name for p in (tmp_path / "out").iterdir()] == ["a_composite.png"]
    made = read_image(tmp_path / "out/a_composite.png")
    assert (made[:, 0] == (0, 255, 0)).all() and made[:, -1, 1].max() == 0
    assert np.abs(made[..., 1].astype(int) - (255 - photograph()[..., 0])).max() <= 2


def test_a_folder_goes_on_past_what_cannot_be_used(tmp_path, model):
    folder = tmp_path / "photos"
    for name in ("1", "2", "10"):
        write_png(folder / f"{name}.png", photograph(seed=int(name)))
    (folder / "3.jpg").write_bytes(b"no image")
    (folder / "4.png").write_bytes((folder / "1.png").read_bytes()[:-30])
    write_png(folder / "5.png", photograph(1, 2000))
    (folder / "notes.txt").write_text("not an image by its name")
    outcome = run(model, folder, tmp_path / "out", "--outputs", "alpha")
    assert outcome.status == 1 and "Traceback" not in outcome.err
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == ["1.png", "10.png", "2.png"]
    left_out = [line for line in outcome.out.splitlines() if "left out" in line]
    assert len(left_out) == 4 and "notes.txt' is neither an image nor a video" in left_out[0]
    assert "3.jpg" in left_out[1] and "truncated" in left_out[2]
    assert f"'{folder / '5.png'}': An image of 2000x1 pixels is too narrow" in left_out[3]
    last = outcome.out.splitlines()[-1]
    assert "3 images in" in last and "4 of 7 not done" in last and "notes.txt" in last and "3.jpg" in last


def test_batches_change_no_result(tmp_path, model):
    for n in range(5):
        write_png(tmp_path / f"photos/{n}.png", photograph(64, 96 if n == 2 else 64, seed=n))
    predictor = RedPredictor()
    assert run(model, tmp_path / "photos", tmp_path / "one", predictor=RedPredictor()).status == 0
    assert run(model, tmp_path / "photos", tmp_path / "two", "--batch_size", "2", predictor=predictor).status == 0
    assert [shape[0] for shape in predictor.shapes] == [2, 2, 1, 1, 2, 2]  # each image is looked at twice
    for path in (tmp_path / "one").iterdir():
        assert path.read_bytes() == (tmp_path / "two" / path.name).read_bytes()


def test_equal_stems_do_not_collide(tmp_path, model):
    write_png(tmp_path / "photos/a.png", photograph())
    cv2.imwrite(str(tmp_path / "photos/a.jpg"), np.zeros((64, 64, 3), np.uint8))
    assert run(model, tmp_path / "photos", tmp_path / "out", "--outputs", "alpha").status == 0
    assert read_alpha(tmp_path / "out/a_png.png").max() == 1 and read_alpha(tmp_path / "out/a_jpg.png").max() == 0


def test_a_second_run_is_refused_skips_or_replaces(tmp_path, model):
    write_png(tmp_path / "photos/a.png", photograph())
    out = tmp_path / "out"
    assert run(model, tmp_path / "photos", out, "--outputs", "alpha").status == 0
    (out / "a.png").write_bytes(b"mine")
    assert "already: a.png" in run(model, tmp_path / "photos", out, "--outputs", "alpha").assert_refused()
    write_png(tmp_path / "photos/b.png", photograph())
    outcome = run(model, tmp_path / "photos", out, "--outputs", "alpha", "--existing", "skip")
    assert outcome.status == 0 and (out / "a.png").read_bytes() == b"mine" and (out / "b.png").is_file()
    assert run(model, tmp_path / "photos", out, "--outputs", "alpha", "--existing", "skip").status == 0
    assert run(model, tmp_path / "photos", out, "--outputs", "alpha", "--existing", "replace").status == 0
    assert read_alpha(out / "a.png").max() == 1


def test_results_never_go_over_the_photographs(tmp_path, model):
    write_png(tmp_path / "a.png", photograph())
    before = (tmp_path / "a.png").read_bytes()
    text = run(model, tmp_path / "a.png", tmp_path, "--existing", "replace").assert_refused()
    assert "over an input" in text and (tmp_path / "a.png").read_bytes() == before


@pytest.mark.parametrize(
    ("options", "text"),
    [
        (["--outputs", "alpha,matte"], "knows cutout, alpha, composite"),
        (["--outputs", "composite"], "needs --background"),
        (["--outputs", "alpha", "--background", "white"], "no composite"),
        (["--background", "nothing.png"], "neither a file nor a colour"),
        (["--batch_size", "0"], "give 1 or more"),
        (["--ofd_agree", "0.2"], "without --ofd"),
        (["--ofd"], "flicker of videos"),
        (["--ofd", "--ofd_differ", "1.5"], "between 0 and 1"),
        (["--model", "gone.onnx"], "no model file 'gone.onnx'"),
        (["--format", "jpg"], "JPEG holds no transparency"),
        (["--max-pixels", "0"], "give 1 or more"),
        (["--input", ""], "--input is empty"),
        (["--show"], "--show needs"),
    ],
)
def test_wrong_options_are_refused(tmp_path, model, options, text, monkeypatch):
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    write_png(tmp_path / "a.png", photograph())
    assert text in run(model, tmp_path / "a.png", tmp_path / "out", *options).assert_refused()
    assert not list(tmp_path.glob("out/*"))


def test_an_empty_folder_is_refused(tmp_path, model):
    assert "no file or folder 'gone.jpg'" in run(model, "gone.jpg", tmp_path / "out").assert_refused()
    (tmp_path / "photos").mkdir()
    assert "holds no image" in run(model, tmp_path / "photos", tmp_path / "out").assert_refused()


def test_the_model_is_opened_as_asked(tmp_path, model):
    write_png(tmp_path / "a.png", photograph())
    arguments = ("--model", model, "--input", tmp_path / "a.png", "--output", tmp_path / "out")
    with fake_model() as (_, given):
        run_main(infer.main, *arguments, "--device", "NPU", "--threads", "3", "--precision", "bf16")
    assert given == {"path": model, "device": "NPU", "threads": 3, "precision": "bf16", "preprocess": {}}
    for sides, ref_size in (((128,), 128), ((96, 160), (96, 160))):
        with fake_model() as (_, given):
            run_main(infer.main, *arguments, "--existing", "replace", "--ref_size", *sides)
        assert given["preprocess"] == {"ref_size": ref_size}


def test_a_full_disk_is_one_error(tmp_path, model):
    """The size limit of files stands in for the disk: both make writing fail half way."""
    write_png(tmp_path / "a.png", np.random.default_rng(0).integers(0, 256, (200, 200, 3), np.uint8))
    arguments = [f"--model={model}", f"--input={tmp_path / 'a.png'}", f"--output={tmp_path / 'out'}"]
    program = f"""
import resource, signal, sys
sys.argv = ["infer.py", *{arguments!r}]
from src.programs import infer
from src.common.cli import run_command
from tests.support.fake_predictor import fake_model
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (20000, 20000))
with fake_model():
    run_command(infer.main)
"""
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 2 and done.stderr.startswith("error: Cannot write"), done.stderr
    assert "Traceback" not in done.stderr and not (tmp_path / "out").exists()


def test_an_edge_device_needs_numpy_and_opencv_only():
    program = """
import sys
for name in ("mindspore", "yaml", "scipy", "tqdm", "onnx", "onnxruntime", "openvino", "nncf", "torch", "matplotlib"):
    sys.modules[name] = None
from src.programs import infer
"""
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
