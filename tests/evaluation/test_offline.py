"""The offline steps: raw files of a test split, inference over them, and scores that are eval.py's."""

import json
import shutil
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import onnxruntime
import pytest

from src.checkpoint.file import Meta, save_checkpoint, weights_of
from src.config.dataset import DatasetSpec
from src.data.pairs import find_pairs
from src.deploy.export import export
from src.deploy.options import ExportOptions
from src.evaluation.offline.bin_store import BinInputWriter, BinOutputs, BinTruth, Manifest
from src.evaluation.offline.prepare import MMNET, InputRecipe, prepare
from src.evaluation.offline.score import score
from src.evaluation.offline.store import Source
from src.evaluation.results import EvalResult
from src.evaluation.score import evaluate
from src.imaging import read_alpha, read_image
from src.programs import offline_evaluate, offline_infer, offline_prepare
from src.runtime.base import InputForm
from src.runtime.factory import open_predictor
from src.spec.preprocess import Preprocess
from tests.support.narrow import save_narrow
from tests.support.narrow_mmnet import narrow_mmnet, narrow_mmnet_spec
from tests.support.programs import ROOT, Outcome, checkout, run_main, run_script

VALIDATION = "validation/P3M-500-P"


PREPARE, INFER, EVALUATE = (program.main for program in (offline_prepare, offline_infer, offline_evaluate))


def exported(checkpoint: Path, **options: Any) -> Path:
    """ONNX beside a checkpoint; test_export.py compares them at more sizes."""
    options = ExportOptions(**options)
    with mock.patch("src.deploy.parity._SIZES", ((1, 64, 64),)):
        return export(checkpoint, "ONNX", checkpoint.parent, options)[0][0]


@pytest.fixture(scope="module")
def mmnet_models(tmp_path_factory) -> dict[str, Path]:
    """The narrow MMNet as checkpoint, as ONNX of both layouts and as ONNX of pixel input."""
    checkpoint, spec = tmp_path_factory.mktemp("mmnet") / "mmnet.ckpt", narrow_mmnet_spec()
    save_checkpoint(checkpoint, weights_of(narrow_mmnet()), Meta("mmnet", spec.encoder_name, spec, MMNET))
    return {
        ".ckpt": checkpoint,
        "NCHW": exported(checkpoint),
        "NHWC": exported(checkpoint, layout="NHWC", shape=(-1, 3, 256, 256)),
        "u8": exported(checkpoint, with_preprocess=True),
    }


@pytest.fixture(scope="module")
def modnet(tmp_path_factory) -> Path:
    """The narrow MODNet for inputs of short side 64, as ONNX."""
    return exported(save_narrow(tmp_path_factory.mktemp("modnet") / "modnet.ckpt", preprocess=Preprocess(ref_size=64)))


@pytest.fixture(scope="module")
def prepared(tmp_path_factory, synthetic_set) -> Path:
    """`synthetic_set` as inputs of MMNet."""
    folder = tmp_path_factory.mktemp("prepared") / "test"
    done = run_main(PREPARE, synthetic_set, "--output_path", folder)
    assert done.status == 0, done.err
    return folder


def section(root: Path) -> DatasetSpec:
    return DatasetSpec(str(root), img_subpath=f"{VALIDATION}/blurred_image", alpha_subpath=f"{VALIDATION}/mask")


def by_eval(model: Path, root: Path, **options: Any) -> EvalResult:
    return evaluate(open_predictor(model, **options)[0], find_pairs(section(root)), str(model), str(root))


def assert_equal_scores(found: EvalResult, expected: EvalResult) -> None:
    assert found.pictures == expected.pictures == 2
    for part in ("whole", "band", "mmnet"):
        assert getattr(found, part) == pytest.approx(getattr(expected, part), rel=0, abs=1e-6), part
    for one, other in zip(found.per_picture, expected.per_picture, strict=True):
        assert one["name"] == other["name"] and one["whole"] == pytest.approx(other["whole"], rel=0, abs=1e-6)


def chain(model: Path, folder: Path, *output: object, size: int | None = None) -> EvalResult:
    """infer.py and evaluate.py over prepared images."""
    options = (*(("--output_path", *output) if output else ()), *(("--ref_size", size) if size else ()))
    done = run_main(INFER, "--model", model, "--bins", folder, *options)
    assert done.status == 0, done.err
    done = run_main(EVALUATE, "--bins", folder, *(("--output", *output) if output else ()))
    assert done.status == 0, done.err
    result = EvalResult.load((output[0] if output else folder / "output") / "eval.json")
    assert f"MSE: {result.whole['mse']:.6f}, MAD: {result.whole['mad']:.6f}\n" in done.out
    return result


def test_prepared_files_by_hand(prepared, synthetic_set):
    manifest = json.loads((prepared / "manifest.json").read_text())
    assert (manifest["dtype"], manifest["layout"]) == ("float32", "NHWC")
    assert manifest["preprocess"]["ref_size"] == [256, 256]
    for entry in manifest["entries"]:
        image = read_image(synthetic_set / VALIDATION / "blurred_image" / f"{entry['name']}.jpg")
        assert entry["mask_size"] == list(image.shape[:2]) and entry["input_size"] == [256, 256]
        x = np.fromfile(prepared / "images" / f"{entry['name']}.bin", "<f4").reshape(256, 256, 3)
        for y, x_, at in ((0, 0, (0, 0)), (255, 255, (-1, -1)), (255, 0, (-1, 0))):  # corners stay, colours are RGB
            assert x[y, x_] * 255 == pytest.approx(image[at].astype(float), abs=1e-4)
        mask = np.fromfile(prepared / "masks" / f"{entry['name']}.bin", "<f4").reshape(image.shape[:2])
        np.testing.assert_array_equal(mask, read_alpha(synthetic_set / VALIDATION / "mask" / f"{entry['name']}.png"))


@pytest.mark.slow
def test_mmnet_from_checkpoint_to_scores(prepared, synthetic_set, mmnet_models, tmp_path):
    model = mmnet_models["NHWC"]
    found = chain(model, prepared, tmp_path / "onnx")
    assert_equal_scores(found, by_eval(model, synthetic_set))
    assert found.mmnet["mad_800_600"] > 0.05 and found.model == str(model) and found.network_seconds > 0
    assert_equal_scores(found, by_eval(mmnet_models[".ckpt"], synthetic_set))


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["NHWC", "NCHW", "u8"])
def test_raw_bytes_are_what_the_model_itself_takes(synthetic_set, mmnet_models, tmp_path, kind):
    """As a vendor's runner does: the file's bytes go into the declared input, the output's bytes come out."""
    done = run_main(PREPARE, synthetic_set, "--model", mmnet_models[kind], "--output_path", tmp_path)
    assert done.status == 0, done.err
    manifest = Manifest.load(tmp_path)
    assert manifest.layout == ("NCHW" if kind == "NCHW" else "NHWC")
    session = onnxruntime.InferenceSession(mmnet_models[kind])
    shape = [{"batch": 1, "height": 256, "width": 256}.get(side, side) for side in session.get_inputs()[0].shape]
    (tmp_path / "output").mkdir()
    for entry in manifest.entries:
        x = np.fromfile(tmp_path / "images" / f"{entry.name}.bin", manifest.dtype).reshape(shape)
        session.run(["output"], {"input": x})[0].tofile(tmp_path / "output" / f"{entry.name}.bin")
    assert_equal_scores(score(BinOutputs(tmp_path), BinTruth(tmp_path)), by_eval(mmnet_models[".ckpt"], synthetic_set))


def test_pixels_go_in_as_they_are(synthetic_set, mmnet_models, tmp_path):
    folder = tmp_path / "u8"
    done = run_main(PREPARE, synthetic_set, "--model", mmnet_models["u8"], "--output_path", folder)
    assert done.status == 0, done.err
    assert {path.stat().st_size for path in (folder / "images").iterdir()} == {256 * 256 * 3}
    assert_equal_scores(chain(mmnet_models["u8"], folder), by_eval(mmnet_models["u8"], synthetic_set))


def test_modnet_takes_every_image_at_its_own_size(synthetic_set, modnet, tmp_path):
    recipe = InputRecipe.of(open_predictor(modnet)[0])
    sources = [Source.of_pair(pair, False) for pair in find_pairs(section(synthetic_set))]
    assert len(prepare(sources, recipe, BinInputWriter(tmp_path, str(synthetic_set), recipe))) == 2
    assert {min(entry.input_size) for entry in Manifest.load(tmp_path).entries} == {64}
    found = chain(modnet, tmp_path)
    assert_equal_scores(found, by_eval(modnet, synthetic_set))
    assert_equal_scores(found, by_eval(modnet.with_suffix(".ckpt"), synthetic_set))
    assert found.mmnet == {}


def test_another_input_size(synthetic_set, modnet, tmp_path):
    folder = tmp_path / "96"
    done = run_main(PREPARE, synthetic_set, "--model", modnet, "--ref_size", "96", "--output_path", folder)
    assert done.status == 0, done.err
    assert {min(entry.input_size) for entry in Manifest.load(folder).entries} == {96}
    assert "--ref_size that they were prepared with" in refused(INFER, "--model", modnet, "--bins", folder)
    expected = by_eval(modnet, synthetic_set, preprocess={"ref_size": 96})
    assert_equal_scores(chain(modnet, folder, size=96), expected)


def refused(main, *arguments: object) -> str:
    return run_main(main, *arguments).assert_refused()


def test_mistakes_of_preparing(prepared, synthetic_set, tmp_path):
    assert f"No data set at {tmp_path}/absent" in refused(PREPARE, tmp_path / "absent")
    assert "test/image" in refused(PREPARE, tmp_path, "--output_path", tmp_path / "out")  # a folder without images
    assert not (tmp_path / "out").exists()
    assert "Give --model FILE" in refused(PREPARE, synthetic_set, "--ref_size", "96", "--output_path", tmp_path / "out")
    before = (prepared / "manifest.json").read_bytes()
    assert "prepared images already" in refused(PREPARE, synthetic_set, "--output_path", prepared)
    assert (prepared / "manifest.json").read_bytes() == before


def test_mistakes_of_inference(prepared, mmnet_models, modnet, tmp_path):
    run = (INFER, "--output_path", tmp_path / "out", "--model")
    assert "no manifest.json" in refused(*run, mmnet_models["NHWC"], "--bins", tmp_path)
    at = ("--bins", shutil.copytree(prepared, tmp_path / "bins"))
    assert "takes uint8 NHWC, the images in" in refused(*run, mmnet_models["u8"], *at)
    for kind in ("NCHW", ".ckpt"):
        text = refused(*run, mmnet_models[kind], *at)
        assert "takes float32 NCHW, the images in" in text and "are float32 NHWC. Prepare them for it" in text
    manifest = (at[1] / "manifest.json").read_text()
    (at[1] / "manifest.json").write_text(manifest.replace("NHWC", "NCHW"))
    assert "ref_size=64" in refused(*run, modnet, *at)
    (at[1] / "manifest.json").write_text(manifest)
    assert "There is no model file" in refused(*run, tmp_path / "absent.onnx", *at)
    first = sorted((at[1] / "images").iterdir())[0]
    first.write_bytes(first.read_bytes()[:-4])
    text = refused(*run, mmnet_models["NHWC"], *at)
    assert f"'{first}' has 786428 bytes, float32 [1, 256, 256, 3] has 786432" in text
    (at[1] / "manifest.json").write_text('{"version": 2}')
    assert "cannot be read" in refused(*run, mmnet_models["NHWC"], *at)


def test_mistakes_of_scoring(prepared, mmnet_models, tmp_path):
    output = tmp_path / "out"
    run = (EVALUATE, "--bins", prepared, "--output", output)
    assert "no manifest.json" in refused(EVALUATE, "--bins", tmp_path)
    assert "Run offline_infer/infer.py" in refused(*run)
    chain(mmnet_models["NHWC"], prepared, output)
    again = (INFER, "--bins", prepared, "--output_path", output, "--model", mmnet_models["NHWC"])
    assert "results of an earlier run" in refused(*again)
    last = sorted(output.glob("*.bin"))[-1]
    good = last.read_bytes()
    last.write_bytes(good + b"\0\0\0\0")
    assert "has 262148 bytes, float32 [256, 256] has 262144" in refused(*run)
    np.full(256 * 256, np.nan, "<f4").tofile(last)
    assert "is no alpha" in refused(*run)
    last.unlink()
    assert str(last) in refused(*run)


def script(folder: Path, name: str, *arguments: object) -> Outcome:
    return run_script(folder, name, *arguments, MODNET_CPU_OPS="0")


@pytest.mark.slow
def test_the_scripts(tmp_path, synthetic_set, mmnet_models):
    copy = checkout(tmp_path / "copy")
    for name in ("export.py", "configs", "offline_infer"):
        (copy / name).symlink_to(ROOT / name)
    for name, usage in (
        ("run_datapre.sh", "DATASET"),
        ("run_conver_ckpt2pb.sh", "[DATASET] CKPT [OUT]"),
        ("run_convert_ckpt2pb.sh", "[DATASET] CKPT [OUT]"),
    ):
        done = script(copy, name)
        assert done.status == 2 and done.out == "" and f"scripts/{name} {usage}" in done.err
    assert "No checkpoint at absent.ckpt" in script(copy, "run_convert_ckpt2pb.sh", "absent.ckpt").assert_refused()
    done = script(copy, "run_datapre.sh", synthetic_set, "--output_path", tmp_path / "bins")
    assert done.status == 0 and len(Manifest.load(tmp_path / "bins").entries) == 2
    call = (synthetic_set, mmnet_models[".ckpt"].with_suffix(""))  # DATASET CKPT_PREFIX, as MMNet's users say it
    done = script(copy, "run_conver_ckpt2pb.sh", *call, tmp_path / "out", "--input_shape", "1,3,64,64")
    assert done.status == 0, done.out + done.err
    predictor, contract = open_predictor(tmp_path / "out" / "mmnet_1x3x64x64_nhwc.onnx")
    assert predictor.form == InputForm(1, (64, 64), channels_last=True) and predictor.output == "output"
    assert contract.preprocess == MMNET
