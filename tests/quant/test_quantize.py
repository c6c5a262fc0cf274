"""quantize.py: what it leaves of a small network on both runtimes, that eval.py takes it, and what it refuses."""

import hashlib
import json
import shutil
from collections import Counter
from pathlib import Path
from unittest import mock

import numpy as np
import onnx
import pytest

from src.checkpoint.file import file_source
from src.evaluation.results import EvalResult
from src.imaging import read_image
from src.model_file import releases as zoo
from src.model_file.releases import ReleasedFile, ReleasedModel, write_releases
from src.programs import eval as eval_program
from src.programs import quantize as program
from src.quant.layers import CONVOLUTIONS
from src.quant.options import read_job
from src.runtime.factory import open_predictor
from src.runtime.openvino_runtime import openvino_core
from tests.support.programs import run_main, write_yaml

BUILD = [
    {"type": "openvino", "dtype": "fp16"},
    {"type": "openvino", "dtype": "bf16"},
    {"type": "openvino", "dtype": "int8"},
    {"type": "onnxruntime", "dtype": "fp16"},
    {"type": "onnxruntime", "dtype": "int8", "method": "percentile"},
    {"type": "onnxruntime", "dtype": "int8", "method": "minmax"},
]
MODELS = [
    "narrow_fp16.xml", "narrow_fp16.xml@bf16", "narrow_int8.xml", "narrow_fp16.onnx", "narrow_int8_percentile.onnx",
    "narrow_int8_minmax.onnx",
]  # fmt: skip


def run(*arguments):
    return run_main(program.main, *arguments)


@pytest.fixture(scope="module")
def built(narrow_models, tiny_config, tmp_path_factory) -> Path:
    """Folder with all variants of the narrow network, made by one build file."""
    folder = tmp_path_factory.mktemp("quantise") / "built"
    values = {"model": str(narrow_models[".onnx"]), "config": str(tiny_config), "calibration": {"size": 4}}
    build = write_yaml(folder.parent / "build.yml", values | {"backend": BUILD, "output": str(folder)})
    done = run("--build", build)
    assert done.status == 0, done.err
    return folder


def operators(path: Path) -> Counter:
    if path.suffix == ".onnx":
        return Counter(node.op_type for node in onnx.load(path).graph.node)
    return Counter(op.get_type_name() for op in openvino_core().read_model(path).get_ops())


def test_a_build_file_makes_all_variants(built, narrow_models):
    files = {"narrow_fp16.bin", "narrow_int8.bin", *(model.removesuffix("@bf16") for model in MODELS)}
    assert {path.name for path in built.iterdir()} == files | {"manifest.json"}
    rows = json.loads((built / "manifest.json").read_text())["models"]
    assert [row["model"] for row in rows] == MODELS
    assert [(row["backend"], row["dtype"]) for row in rows] == [(part["type"], part["dtype"]) for part in BUILD]
    for row in rows:
        assert row["files"][0]["file"] == row["model"].removesuffix("@bf16")
        for file in row["files"]:
            data = (built / file["file"]).read_bytes()
            assert (file["bytes"], file["sha256"]) == (len(data), hashlib.sha256(data).hexdigest())
        assert row["source"]["sha256"] == hashlib.sha256(narrow_models[".onnx"].read_bytes()).hexdigest()
        assert row["source"]["checkpoint"] == file_source(narrow_models[".ckpt"])
        assert row["scores"]["mse"] == pytest.approx(row["source_scores"]["mse"], rel=0.1)


def test_every_variant_computes_nearly_the_float_matte(built, narrow_models, synthetic_set):
    image = read_image(next((synthetic_set / "validation" / "P3M-500-P" / "blurred_image").iterdir()))
    exact = open_predictor(narrow_models[".onnx"])[0].predict(image)
    difference = {}
    for model in MODELS:
        path, _, precision = model.partition("@")
        if not precision:
            difference[model] = np.abs(open_predictor(built / path)[0].predict(image) - exact).mean()
    assert all(1e-6 < difference[name] < 1e-3 for name in ("narrow_fp16.xml", "narrow_fp16.onnx")), difference
    assert all(1e-4 < value < 0.05 for name, value in difference.items() if "int8" in name), difference


def test_weights_are_smaller(built, narrow_models):
    binary = narrow_models[".xml"].with_suffix(".bin").stat().st_size
    assert (built / "narrow_fp16.bin").stat().st_size < 0.6 * binary
    assert (built / "narrow_int8.bin").stat().st_size < 0.6 * binary
    kinds = Counter()
    for constant in onnx.load(built / "narrow_int8_minmax.onnx").graph.initializer:
        if len(constant.dims) == 4 and constant.dims[2] * constant.dims[1] > 1:
            kinds[constant.data_type] += 1
    assert kinds[onnx.TensorProto.INT8] > 30 and kinds[onnx.TensorProto.FLOAT] == 0


def weights_of(path: Path) -> tuple[dict[str, np.ndarray], int]:
    """An IR's convolution weights as they are stored, and how many constants it stores as float16."""
    operators, weights = openvino_core().read_model(path).get_ordered_ops(), {}
    for op in operators:
        if op.get_type_name() in CONVOLUTIONS:
            node = op.input_value(1).get_node()
            node = node.input_value(0).get_node() if node.get_type_name() == "Convert" else node
            weights[op.get_friendly_name()] = node.data
    constants = [op for op in operators if op.get_type_name() == "Constant"]
    return weights, sum(op.get_element_type().get_type_name() == "f16" for op in constants)


def test_fp16_rounds_weights_and_no_biases(built, narrow_models):
    (half, halves), (single, _) = weights_of(built / "narrow_fp16.xml"), weights_of(narrow_models[".xml"])
    assert halves == len(half) == len(single) > 30
    for name, weight in single.items():
        assert half[name].dtype == np.float16
        np.testing.assert_array_equal(half[name], weight.astype(np.float16))


@pytest.mark.slow
def test_the_distance_from_the_float_mattes_is_told(built, narrow_models, synthetic_set):
    rows = {row["model"]: row["note"] for row in json.loads((built / "manifest.json").read_text())["models"]}
    source = open_predictor(narrow_models[".onnx"])[0]
    images = [read_image(path) for path in (synthetic_set / "validation" / "P3M-500-P" / "blurred_image").iterdir()]
    for model in ("narrow_fp16.xml", "narrow_fp16.onnx", "narrow_int8.xml"):
        predictor = open_predictor(built / model)[0]
        apart = np.concatenate([np.abs(predictor.predict(x) - source.predict(x)).ravel() for x in images])
        expected = {"alpha_max": apart.max(), "alpha_mean": apart.mean(), "pictures": 2}
        assert rows[model]["deviation"] == pytest.approx(expected, rel=1e-3)
    assert rows["narrow_fp16.xml@bf16"] == rows["narrow_fp16.xml"]
    assert 0 < rows["narrow_fp16.xml"]["deviation"]["alpha_max"] < rows["narrow_int8.xml"]["deviation"]["alpha_max"]


def test_the_operators_really_work_on_8_bits(built):
    assert operators(built / "narrow_int8.xml")["FakeQuantize"] > 40
    found = operators(built / "narrow_int8_minmax.onnx")
    assert found["QuantizeLinear"] > 40 and found["DequantizeLinear"] > found["QuantizeLinear"]
    assert found["InstanceNormalization"] == operators(built / "narrow_fp16.onnx")["InstanceNormalization"] > 5
    assert operators(built / "narrow_fp16.xml")["FakeQuantize"] == 0


def test_the_contract_survives_with_a_note(built, narrow_models):
    expected = open_predictor(narrow_models[".onnx"])[1]
    rows = {row["model"]: row for row in json.loads((built / "manifest.json").read_text())["models"]}
    for model in (model for model in MODELS if "@" not in model):
        contract = open_predictor(built / model)[1]
        for name in ("preprocess", "network", "spec", "source"):
            assert getattr(contract, name) == getattr(expected, name)
        assert contract.quantization == rows[model]["note"]
        assert contract.scores == rows[model]["scores"] and set(contract.scores) > {"mse", "mad", "band_mse"}
    note = rows["narrow_int8_percentile.onnx"]["note"]
    assert (note["dtype"], note["tool"], note["method"]) == ("int8", "onnxruntime", "percentile")
    assert note["equalised"] == operators(built / "narrow_fp16.onnx")["InstanceNormalization"]
    assert note["float_layers"] == [] and note["calibration"]["pictures"] == 4
    assert note["calibration"]["shape"] == [1, 3, 64, 64]


@pytest.mark.slow
def test_eval_takes_the_variants_and_finds_their_scores(built, tiny_config, tmp_path):
    names = ["narrow_int8.xml", "narrow_int8_minmax.onnx"]
    done = run_main(
        eval_program.main, "--config", tiny_config, "--output_path", tmp_path, "--model", *(built / n for n in names)
    )
    assert done.status == 0, done.err
    for i, name in enumerate(names, 1):
        result = EvalResult.load(tmp_path / f"{i}_{name}" / "eval.json")
        assert result.whole["mse"] == pytest.approx(open_predictor(built / name)[1].scores["mse"], rel=1e-6)


def test_mistakes(built, narrow_models, tiny_config, tmp_path):
    model = ("--model", narrow_models[".onnx"])

    def refused(*arguments) -> str:
        return run("--output_path", tmp_path / "out", *arguments).assert_refused()

    assert "`dtype` cannot be 'int4'" in refused(*model, "--dtype", "int4")
    assert "`method` cannot be 'klm'. Did you mean `kl`?" in refused(
        *model, "--backend", "onnxruntime", "--method", "klm"
    )
    assert "Which model?" in refused("--dtype", "fp16")
    assert "needs images to calibrate with" in refused(*model)
    (tmp_path / "empty").mkdir()
    assert "holds no image" in refused(*model, "--calibration", tmp_path / "empty")
    (tmp_path / "cut.onnx").write_bytes(narrow_models[".onnx"].read_bytes()[:3000])
    assert "cut.onnx cannot be opened" in refused("--model", tmp_path / "cut.onnx", "--dtype", "fp16")
    assert "No checkpoint at absent.ckpt" in refused("--model", "absent.ckpt", "--dtype", "fp16")
    for dtype, name in (("int8", "narrow_int8_minmax.onnx"), ("fp16", "narrow_fp16.onnx")):
        text = refused("--model", built / name, "--dtype", "fp16")
        assert f"{name} is {dtype} already" in text and "made from (narrow.ckpt)" in text
    text = refused(*model, "--config", tiny_config, "--keep_float", "f_branch.hed.conv", "--backend", "onnxruntime")
    assert "Did you mean `f_branch.head.conv`?" in text
    assert not (tmp_path / "out").exists() or list((tmp_path / "out").iterdir()) == []


def test_a_released_name_means_its_checkpoint(narrow_models, tmp_path, monkeypatch):
    monkeypatch.setattr(zoo, "FOLDER", tmp_path / "zoo")
    (tmp_path / "zoo").mkdir()
    files = [Path(shutil.copy(narrow_models[s], tmp_path / "zoo" / f"tiny{s}")) for s in (".onnx", ".ckpt")]
    write_releases([ReleasedModel("tiny", "", (ReleasedFile.of(file),)) for file in files])
    write_releases([*zoo.read_releases(), ReleasedModel("tiny-int8", "", (ReleasedFile.of(files[0]),))])
    assert read_job({"model": "tiny.onnx"}).model == str(files[0])
    for name in ("tiny", "tiny.ckpt"):
        with mock.patch("src.deploy.parity._SIZES", ((1, 64, 64),)):
            done = run("--model", name, "--dtype", "fp16", "--output_path", tmp_path / name)
        assert done.status == 0, done.err
        row = json.loads((tmp_path / name / "manifest.json").read_text())["models"][0]
        assert row["model"] == "tiny_fp16.xml" and row["source"]["checkpoint"] == file_source(files[1])
    text = run("--model", "tiny-int8", "--output_path", tmp_path / "out").assert_refused()
    assert "'tiny-int8' is released as .onnx, expected is .ckpt" in text
    assert "Did you mean `tiny`?" in run("--model", "tinny", "--output_path", tmp_path / "out").assert_refused()


def test_mistakes_with_build_files_and_earlier_results(built, narrow_models, tmp_path):
    build = write_yaml(tmp_path / "b.yml", {"model": str(narrow_models[".onnx"]), "backend": {"dtype": "fp16"}})
    assert "change it there" in run("--build", build, "--dtype", "int8").assert_refused()
    write_yaml(tmp_path / "c.yml", {"model": "m.onnx", "backends": []})
    assert "Did you mean `backend`?" in run("--build", tmp_path / "c.yml").assert_refused()
    assert "Cannot read the build file" in run("--build", tmp_path / "absent.yml").assert_refused()
    before = (built / "narrow_fp16.xml").stat().st_mtime_ns
    assert "is there already" in run("--build", build, "--output_path", built).assert_refused()
    assert (built / "narrow_fp16.xml").stat().st_mtime_ns == before
