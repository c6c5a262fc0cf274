"""image2npz, npz_infer, npz_eval: the numbers of eval.py for a model of a fixed shape, and every mistake refused."""

import shutil
import subprocess
import sys
from pathlib import Path
from unittest import mock

import numpy as np
import pytest

from src.config.config import load_config
from src.data.pairs import evaluation_pairs
from src.deploy.export import export
from src.deploy.options import ExportOptions
from src.evaluation.offline.npz_store import read_npz, write_npz
from src.evaluation.results import EvalResult
from src.evaluation.score import evaluate
from src.imaging import composite, normalize, read_alpha, read_image, resize, to_matte, write_alpha, write_png
from src.programs import image2npz, npz_eval, npz_infer
from src.runtime.factory import open_predictor
from src.spec.preprocess import Preprocess
from tests.support.narrow import save_narrow
from tests.support.programs import ROOT, run_main

PREPROCESS = Preprocess(mean=(0.5, 0.25, 0.4), std=(0.5, 0.25, 1.0), ref_size=64)


@pytest.fixture(scope="module")
def models(tmp_path_factory) -> dict[str, Path]:
    """The narrow network for 96x64 only: normalised and, as "u8", pixel input."""
    folder = tmp_path_factory.mktemp("fixed")
    checkpoint = save_narrow(folder / "narrow.ckpt", preprocess=PREPROCESS)
    with mock.patch("src.deploy.parity._SIZES", ((1, 96, 64),)):
        return {
            "float": export(checkpoint, "ONNX", folder, ExportOptions((1, 3, 96, 64)))[0][0],
            "u8": export(checkpoint, "OPENVINO", folder, ExportOptions((1, 3, 96, 64), with_preprocess=True))[0][0],
        }


@pytest.fixture(scope="module")
def results(models, tiny_config, tmp_path_factory) -> dict[str, Path]:
    """Folders that the first two programs made of the float model: "inputs" and "results"."""
    folder = tmp_path_factory.mktemp("route")
    return through_two(models["float"], tiny_config, folder)


def through_two(model: Path, config: Path, folder: Path) -> dict[str, Path]:
    places = {"inputs": folder / "inputs", "results": folder / "results"}
    done = run_main(image2npz.main, "--model", model, "--config", config, "--output", places["inputs"])
    assert done.status == 0, done.err
    lists = places["inputs"] / "npz_datalist.txt"
    assert lists.read_text() == "v00000.npz\nv00001.npz\n"
    done = run_main(npz_infer.main, "--model", model, "--datalist", lists, "--output", places["results"])
    assert done.status == 0, done.err
    return places


def evaluated(model: Path, config: Path) -> EvalResult:
    spec = load_config(config).dataset("val_dataset")
    return evaluate(open_predictor(model)[0], evaluation_pairs(spec), "m", "s")


def score(*arguments) -> EvalResult:
    """npz_eval's eval.json."""
    done = run_main(npz_eval.main, *arguments)
    assert done.status == 0, done.err
    assert "whole image: MSE 0." in done.out and "mIoU" in done.out
    return EvalResult.load(arguments[arguments.index("--output_path") + 1] / "eval.json")


@pytest.mark.parametrize("kind", ["float", "u8"])
def test_the_scores_are_those_of_eval(models, tiny_config, tmp_path, kind):
    results = through_two(models[kind], tiny_config, tmp_path)["results"]
    found = score("--results", results, "--config", tiny_config, "--output_path", tmp_path / "scores")
    expected = evaluated(models[kind], tiny_config)
    assert found.pictures == expected.pictures == 2 and found.network_seconds is None
    assert found.whole == pytest.approx(expected.whole, abs=1e-6) and expected.whole["mse"] > 0.01
    assert found.band == pytest.approx(expected.band, abs=1e-6)
    for one, other in zip(found.per_picture, expected.per_picture, strict=True):
        assert one["name"] == other["name"] and one["whole"] == pytest.approx(other["whole"], abs=1e-6)


def test_inputs_are_what_the_model_asks_for(models, results, tiny_config, tmp_path):
    pair = evaluation_pairs(load_config(tiny_config).dataset("val_dataset"))[0]
    small = resize(read_image(pair.image), 96, 64)
    expected = normalize(small, PREPROCESS.mean, PREPROCESS.std).transpose(2, 0, 1)[None]
    np.testing.assert_array_equal(read_npz(results["inputs"] / "v00000.npz", "input"), expected)
    run_main(image2npz.main, "--model", models["u8"], "--config", tiny_config, "--output", tmp_path / "u8")
    np.testing.assert_array_equal(read_npz(tmp_path / "u8" / "v00000.npz", "input"), small[None])


def test_inputs_without_a_model(tmp_path):
    write_png(tmp_path / "in" / "a.png", np.full((50, 70, 3), (255, 0, 51), np.uint8))
    for options, expected in (
        ((), (1.0, -1.0, -0.6)),
        (("--color", "BGR"), (-0.6, -1.0, 1.0)),
        (("--mean", 0.2, 0.2, 0.2, "--std", 0.8, 1, 1), (1.0, -0.2, 0.0)),
    ):
        out = tmp_path / f"out{len(options)}"
        done = run_main(image2npz.main, "--input", tmp_path / "in", "--input_shape", "32,64", "--output", out, *options)
        assert done.status == 0, done.err
        x = read_npz(out / "a.npz", "input")
        assert x.shape == (1, 3, 32, 64) and x.dtype == np.float32
        np.testing.assert_allclose(x, np.broadcast_to(np.reshape(expected, (1, 3, 1, 1)), x.shape), atol=1e-6)


def test_the_vendors_command_lines(results, tiny_config, tmp_path):
    """image2npz.py and vamp_eval.py with the options of the vendor's programs; results numbered, as its runner does."""
    spec = load_config(tiny_config).dataset("val_dataset")
    root, lists = Path(spec.dataset_root), tmp_path / "npz_datalist.txt"
    images, alphas = root / spec.img_subpath, root / spec.alpha_subpath
    asked = ("--dataset_path", images, "--target_path", tmp_path / "npz", "--text_path", lists)
    done = run_main(image2npz.main, *asked)
    assert done.status == 0, done.err
    assert lists.read_text() == "".join(f"{tmp_path / 'npz' / name}.npz\n" for name in ("v00000", "v00001"))
    assert read_npz(tmp_path / "npz" / "v00000.npz", "input").shape == (1, 3, 480, 288)
    again = run_main(image2npz.main, *asked)
    assert again.status == 2 and "Give another --datalist" in again.err

    numbered = tmp_path / "npz_output"
    numbered.mkdir()
    for i, name in enumerate(("v00000", "v00001")):
        write_npz(numbered / f"output_{i:06d}.npz", "output_0", read_npz(results["results"] / f"{name}.npz", "output"))
    line = ("--src_dir", images, "--gt_dir", alphas, "--input_npz_path", lists, "--out_npz_dir", numbered,
            "--input_shape", "96", "64", "--draw_dir", tmp_path / "drawn")  # fmt: skip
    found = score(*line, "--vamp_flag", "--output_path", tmp_path / "scores")
    expected = score("--results", results["results"], "--alpha", alphas, "--output_path", tmp_path / "plain")
    assert found.whole == pytest.approx(expected.whole) and found.pictures == 2
    assert sorted(path.name for path in (tmp_path / "drawn").iterdir()) == ["v00000.png", "v00001.png"]

    def refused(text: str, *arguments) -> None:
        done = run_main(npz_eval.main, *arguments)
        assert done.status == 2 and text in done.err, done.err

    refused("No npz in", *line)
    refused("expected are 64 x 96 pixels", *line, "--input_shape", "64", "96", "--vamp_flag")
    (numbered / "output_000001.npz").unlink()
    refused("has 1 npz file for 2 inputs of the list", *line, "--vamp_flag")
    refused("add --datalist FILE", "--results", numbered, "--alpha", alphas, "--vamp_flag")
    lists.write_text("v00001.npz\n")  # one image of the two
    one = score("--results", numbered, "--alpha", alphas, "--datalist", lists, "--vamp_flag", "--output_path", tmp_path)
    assert [picture["name"] for picture in one.per_picture] == ["v00001"]


def test_alphas_of_a_folder_and_drawings(results, tiny_config, tmp_path):
    spec = load_config(tiny_config).dataset("val_dataset")
    root = Path(spec.dataset_root)
    asked = ("--results", results["results"], "--alpha", root / spec.alpha_subpath)
    plain = score(*asked, "--output_path", tmp_path / "plain")
    configured = score("--results", results["results"], "--config", tiny_config, "--output_path", tmp_path / "config")
    assert plain.whole == pytest.approx(configured.whole)
    for folder in ("drawn", "drawn-2"):  # the second run leaves the first one's drawings alone
        drawn = score(*asked, "--pictures", root / spec.img_subpath, "--draw_dir", tmp_path / "drawn",
                      "--output_path", tmp_path / folder / "scores")  # fmt: skip
        assert drawn.whole == pytest.approx(plain.whole)
    for folder in ("drawn", "drawn-2"):
        assert sorted(path.name for path in (tmp_path / folder).glob("*.png")) == ["v00000.png", "v00001.png"]
    page = read_image(tmp_path / "drawn" / "v00000.png")
    assert page.shape == (28 + 260, 4 * 260 - 4, 3)
    image = read_image(evaluation_pairs(spec)[0].image)
    truth = read_alpha(root / spec.alpha_subpath / "v00000.png")
    matte = to_matte(read_npz(results["results"] / "v00000.npz", "output"), *truth.shape)
    expected = [image, 255 * truth[..., None], 255 * matte[..., None], composite(image, matte, (120, 205, 90))]
    height, width = (round(side * 256 / max(truth.shape)) for side in truth.shape)
    top, left = 28 + (256 - height) // 2, (256 - width) // 2
    for column, shown in enumerate(expected):
        cell = page[top : top + height, left + 260 * column :][:, :width]
        assert cell.mean((0, 1)) == pytest.approx(np.broadcast_to(shown.mean((0, 1)), 3), abs=1.5)


def test_known_errors_by_hand(tmp_path):
    """The matte says 0.25 everywhere, half of the image is 1."""
    alpha = np.zeros((40, 60), np.float32)
    alpha[:20] = 1
    write_alpha(tmp_path / "mask" / "a.png", alpha)
    for index, shape in enumerate([(1, 1, 32, 64), (1, 32, 64), (32, 64)]):
        (tmp_path / f"r{index}").mkdir()
        write_npz(tmp_path / f"r{index}" / "a.npz", "output", np.full(shape, 0.25, np.float16))
        whole = score("--results", tmp_path / f"r{index}", "--alpha", tmp_path / "mask", "--output_path",
                      tmp_path / f"s{index}").whole  # fmt: skip
        assert (whole["mse"], whole["mad"]) == pytest.approx(((0.75**2 + 0.25**2) / 2, 0.5))
        assert (whole["sad"], whole["miou"]) == pytest.approx((40 * 60 * 0.5 / 1000, 0.25))
    write_alpha(tmp_path / "trimap" / "a.png", alpha * np.float32(128 / 255))
    band = score("--results", tmp_path / "r0", "--alpha", tmp_path / "mask", "--output_path", tmp_path / "s9",
                 "--trimap", tmp_path / "trimap").band  # fmt: skip
    assert band["mse"] == pytest.approx(0.75**2)


def test_a_second_run_leaves_the_first_one_alone(models, results, tmp_path):
    copy = shutil.copytree(results["inputs"], tmp_path / "inputs")
    before = (copy / "v00000.npz").read_bytes()
    done = run_main(npz_infer.main, "--model", models["float"], "--datalist", copy / "npz_datalist.txt",
                    "--output", copy)  # fmt: skip
    assert done.status == 0 and (copy / "v00000.npz").read_bytes() == before
    assert read_npz(tmp_path / "inputs-2" / "v00000.npz", "output").shape == (1, 1, 96, 64)


def test_bad_inputs_of_npz_infer(models, results, tmp_path):
    folder = shutil.copytree(results["inputs"], tmp_path / "inputs")
    lists = folder / "npz_datalist.txt"
    x = read_npz(folder / "v00001.npz", "input")

    def refused(text: str) -> None:
        done = run_main(npz_infer.main, "--model", models["float"], "--datalist", lists, "--output", tmp_path / "out")
        assert text in done.assert_refused()

    write_npz(folder / "v00001.npz", "data", x)
    refused("v00001.npz has no array 'input', it holds data. Save it under 'input'")
    for wrong in (x[..., :32], x[0], np.concatenate([x, x]), x.astype(np.float64), x.transpose(0, 2, 3, 1), x[0, 0]):
        write_npz(folder / "v00001.npz", "input", wrong)
        refused("the model takes float32 [1, 3, 96, 64]")
    write_npz(folder / "v00001.npz", "input", x)
    for damaged in ((folder / "v00001.npz").read_bytes()[:500], b""):
        (folder / "v00001.npz").write_bytes(damaged)
        refused("v00001.npz cannot be read as npz")
    np.save(folder / "array.npy", x)
    (folder / "array.npy").replace(folder / "v00001.npz")
    refused("v00001.npz cannot be read as npz")
    (folder / "v00001.npz").unlink()
    refused("1 npz file of")
    lists.write_text("v00000.npz\nv00000.npz\n")
    refused("occur twice: v00000")
    lists.write_text("\n")
    refused("is empty")
    lists.unlink()
    refused("Cannot read the list")


def test_bad_inputs_of_npz_eval(results, tiny_config, synthetic_set, tmp_path):
    folder = shutil.copytree(results["results"], tmp_path / "results")
    output = read_npz(folder / "v00001.npz", "output")

    def refused(text: str, *options) -> None:
        source = options or ("--config", tiny_config)
        assert text in run_main(npz_eval.main, "--results", folder, *source).assert_refused()

    masks = synthetic_set / "validation/P3M-500-P/mask"
    refused("name their folder by --images", "--alpha", masks, "--draw_dir", tmp_path / "d")
    refused("go with --alpha", "--config", tiny_config, "--pictures", masks)
    write_npz(folder / "other.npz", "output", output)
    refused("for 1 npz file of")
    refused("No alpha in", "--alpha", masks)
    (folder / "other.npz").unlink()
    write_npz(folder / "v00001.npz", "matte", output)
    refused("has no array 'output', it holds matte")
    for wrong in (
        output.reshape(1, 96, 64, 1),
        output[..., :0],
        np.concatenate([output, output]),
        (255 * output).astype(np.uint8),
    ):
        write_npz(folder / "v00001.npz", "output", wrong)
        refused("not a float matte [1, 1, h, w]")
    for wrong in (255 * output, output - 1, np.full_like(output, np.nan)):
        write_npz(folder / "v00001.npz", "output", wrong)
        refused("a matte lies in [0, 1]")
    (folder / "v00001.npz").unlink()
    refused("for 1 image of")
    refused("No npz in", "--alpha", masks)


@pytest.mark.slow
def test_bad_inputs_of_image2npz(models, narrow_ckpt, tmp_path):
    write_png(tmp_path / "in" / "a.png", np.zeros((40, 60, 3), np.uint8))

    def refused(text: str, *options) -> None:
        asked = ("--input", tmp_path / "in", "--output", tmp_path / "out", *options)
        assert text in run_main(image2npz.main, *asked).assert_refused()

    refused("Say --input_shape 1,3,480,288", "--model", narrow_ckpt)
    refused(
        "takes only inputs of 96x64 (height x width), not 64x96: leave --input_shape out",
        "--model",
        models["float"],
        "--input_shape",
        "1,3,64,96",
    )
    refused("multiples of 32", "--input_shape", "1,3,480,290")
    refused("cannot be used", "--input_shape", "64,64", "--std", 0, 1, 1)
    (tmp_path / "in" / "a.png").write_bytes(b"no image")
    refused("Not one image of 1 can be used", "--input_shape", "64,64")
    assert not (tmp_path / "out" / "npz_datalist.txt").exists()
    (tmp_path / "in" / "a.png").unlink()
    refused("holds no image", "--input_shape", "64,64")


def test_a_device_needs_numpy_and_opencv_only():
    """The first two programs import where PyYAML and SciPy are not installed."""
    program = "import sys; sys.modules.update(dict.fromkeys(('yaml', 'scipy', 'mindspore', 'tqdm')));"
    program += "from scripts import image2npz, npz_infer"
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
