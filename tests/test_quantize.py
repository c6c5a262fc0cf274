"""quantize.py: what it leaves of a small network on both runtimes, that eval.py takes it, and what it refuses."""

import contextlib
import hashlib
import io
import json
from collections import Counter
from pathlib import Path
from unittest import mock

import numpy as np
import onnx
import pytest
import yaml

import eval as eval_program
import quantize as program
from src.checkpoint import file_source
from src.imaging import read_image, write_alpha
from src.quant import budget
from src.quant.openvino_int8 import OpenVinoInt8
from src.quant.options import Job, Variant
from src.quant.source import open_source
from src.results import EvalResult
from src.runtime.factory import open_predictor
from src.runtime.openvino_runtime import import_openvino
from src.spec import Preprocess
from tests.narrow import narrow_state, save_narrow
from tests.programs import run_main, write_yaml

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
    return Counter(op.get_type_name() for op in import_openvino().Core().read_model(path).get_ops())


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


def test_the_operators_really_work_on_8_bits(built):
    assert operators(built / "narrow_int8.xml")["FakeQuantize"] > 40
    found = operators(built / "narrow_int8_minmax.onnx")
    assert found["QuantizeLinear"] > 40 and found["DequantizeLinear"] > found["QuantizeLinear"]
    assert found["InstanceNormalization"] == operators(built / "narrow_fp16.onnx")["InstanceNormalization"] > 5
    assert operators(built / "narrow_fp16.xml")["FakeQuantize"] == 0


def test_the_contract_survives_with_a_note(built, narrow_models):
    wanted = open_predictor(narrow_models[".onnx"])[1]
    rows = {row["model"]: row for row in json.loads((built / "manifest.json").read_text())["models"]}
    for model in (model for model in MODELS if "@" not in model):
        contract = open_predictor(built / model)[1]
        for name in ("preprocess", "network", "spec", "source"):
            assert getattr(contract, name) == getattr(wanted, name)
        assert contract.quantization == rows[model]["note"]
        assert contract.scores == rows[model]["scores"] and set(contract.scores) > {"mse", "mad", "band_mse"}
    note = rows["narrow_int8_percentile.onnx"]["note"]
    assert (note["dtype"], note["tool"], note["method"]) == ("int8", "onnxruntime", "percentile")
    assert note["float_layers"] == [] and note["calibration"]["pictures"] == 4
    assert note["calibration"]["shape"] == [1, 3, 64, 64]


def test_eval_takes_the_variants_and_finds_their_scores(built, tiny_config, tmp_path):
    names = ["narrow_int8.xml", "narrow_int8_minmax.onnx"]
    done = run_main(
        eval_program.main, "--config", tiny_config, "--output_path", tmp_path, "--model", *(built / n for n in names)
    )
    assert done.status == 0, done.err
    for i, name in enumerate(names, 1):
        result = EvalResult.load(tmp_path / f"{i}_{name}" / "eval.json")
        assert result.whole["mse"] == pytest.approx(open_predictor(built / name)[1].scores["mse"], rel=1e-6)


def test_layers_kept_in_float_by_openvino(narrow_models, tmp_path):
    source = open_source(Job(str(narrow_models[".onnx"])), tmp_path)
    inputs = [np.random.default_rng(0).uniform(-1, 1, (1, 3, 64, 64)).astype(np.float32)]
    backend = OpenVinoInt8(source, Variant(bias_correction="off"), inputs)
    convolutions = [node.name for node in source.model.graph.node if node.op_type == "Conv"]
    assert set(backend.layers) == set(convolutions)
    kept = "hr_branch.conv_hr4x.1.conv"
    backend.write(tmp_path / "kept.xml", source.contract, [kept])
    model = import_openvino().Core().read_model(tmp_path / "kept.xml")
    inputs_of = {
        op.get_friendly_name().removesuffix("/WithoutBiases"): op.input_value(0).get_node().get_type_name()
        for op in model.get_ops()
        if op.get_type_name() == "Convolution"
    }
    assert inputs_of[kept] != "FakeQuantize"
    assert sum(kind == "FakeQuantize" for kind in inputs_of.values()) > 20


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize("stream", [Terminal, io.StringIO])
def test_progress_bars_are_for_a_terminals_stderr(narrow_models, tmp_path, stream):
    source = open_source(Job(str(narrow_models[".onnx"])), tmp_path)
    inputs = [np.zeros((1, 3, 64, 64), np.float32)]
    with contextlib.redirect_stdout(stream()) as out, contextlib.redirect_stderr(stream()) as err:
        OpenVinoInt8(source, Variant(bias_correction="off"), inputs).write(tmp_path / "m.xml", source.contract, [])
    assert out.getvalue() == ""
    assert ("Statistics collection" in err.getvalue()) == (stream is Terminal)


def export_onnx(folder: Path, name: str, state: dict[str, np.ndarray]) -> Path:
    from src.deploy.export import ExportOptions, export

    checkpoint = save_narrow(folder / f"{name}.ckpt", state, preprocess=Preprocess(ref_size=64))
    with mock.patch("src.deploy.parity._SIZES", ((1, 64, 64),)):
        return export(checkpoint, "ONNX", folder, ExportOptions())[0][0]


def planted_state() -> dict[str, np.ndarray]:
    """Weights for the same matte, but one channel between two convolutions is 1,000 times as large."""
    state, layer = {name: value.copy() for name, value in narrow_state().items()}, "hr_branch.conv_hr4x"
    for name in ("gamma", "beta"):
        state[f"{layer}.0.norm.bnorm.{name}"][0] *= 1000
    state[f"{layer}.1.conv.weight"][:, 0] /= 1000
    return state


def self_scored(config: Path, model: Path, folder: Path) -> Path:
    """The configuration with a validation set whose true mattes are the model's own."""
    values = yaml.safe_load(config.read_text())
    section, predictor = values["val_dataset"], open_predictor(model)[0]
    for image in (Path(section["dataset_root"]) / section["img_subpath"]).iterdir():
        write_alpha(folder / f"{image.stem}.png", predictor.predict(read_image(image)))
    values["val_dataset"] = section | {"alpha_subpath": str(folder)}
    return write_yaml(folder / "self.yml", values)


def test_the_budget_keeps_the_planted_layers_in_float(tiny_config, tmp_path, monkeypatch):
    monkeypatch.setattr(budget, "CANDIDATES", 3)
    models = {
        "fair": export_onnx(tmp_path, "fair", narrow_state()),
        "bad": export_onnx(tmp_path, "bad", planted_state()),
    }
    (tmp_path / "truth").mkdir()
    config = self_scored(tiny_config, models["fair"], tmp_path / "truth")

    def quantised(name: str, *arguments) -> dict:
        out = tmp_path / f"{name}{len(arguments)}"
        flags = ("--config", config, "--backend", "onnxruntime", "--calibration_size", 4, "--output_path", out)
        done = run("--model", models[name], *flags, *arguments)
        assert done.status == 0, done.err
        return json.loads((out / "manifest.json").read_text())["models"][0]

    fair, bad = quantised("fair"), quantised("bad")
    assert bad["scores"]["mse"] > 4 * fair["scores"]["mse"]
    allowed = 2 * fair["scores"]["mse"] / bad["source_scores"]["mse"] - 1
    mended = quantised("bad", "--max_mse_increase", f"{allowed:.3f}")
    assert mended["scores"]["mse"] <= 2.01 * fair["scores"]["mse"]
    report = json.loads((tmp_path / "bad2" / "bad_int8.onnx.json").read_text())
    worst = {"hr_branch.conv_hr4x.0.conv", "hr_branch.conv_hr4x.1.conv"}
    assert {row["layer"] for row in sorted(report["ranking"], key=lambda row: row["snr"])[:2]} == worst
    assert worst & set(mended["note"]["float_layers"]) and len(mended["note"]["float_layers"]) <= 3
    assert open_predictor(tmp_path / "bad2" / "bad_int8.onnx")[1].quantization == mended["note"]


def test_a_budget_that_cannot_be_kept_leaves_a_report_and_no_model(narrow_models, tiny_config, tmp_path, monkeypatch):
    monkeypatch.setattr(budget, "CANDIDATES", 1)
    monkeypatch.setattr(budget.Search, "_holds", lambda self, trial: False)
    arguments = ["--model", narrow_models[".onnx"], "--config", tiny_config, "--backend", "onnxruntime"]
    with mock.patch("src.quant.run.signal_to_noise", lambda *_: {"encoder.stem.conv": 1.0, "f_branch.head.conv": 2.0}):
        done = run(*arguments, "--calibration_size", 2, "--max_mse_increase", "0", "--output_path", tmp_path)
    assert done.status == 1 and "no choice of float layers" in done.out and "The nearest is" in done.out
    assert [path.name for path in tmp_path.iterdir()] == ["narrow_int8.onnx.json"]
    assert not json.loads((tmp_path / "narrow_int8.onnx.json").read_text())["met"]


def test_mistakes(built, narrow_models, tiny_config, tmp_path):
    model = ("--model", narrow_models[".onnx"])

    def refused(*arguments) -> str:
        return run("--output_path", tmp_path / "out", *arguments).assert_refused()

    assert "`dtype` cannot be 'int4'" in refused(*model, "--dtype", "int4")
    assert "`method` cannot be 'klm'. Did you mean `kl`?" in refused(
        *model, "--backend", "onnxruntime", "--method", "klm"
    )
    assert "Which model?" in refused("--dtype", "fp16")
    assert "needs pictures to calibrate with" in refused(*model)
    (tmp_path / "empty").mkdir()
    assert "holds no picture" in refused(*model, "--calibration", tmp_path / "empty")
    (tmp_path / "cut.onnx").write_bytes(narrow_models[".onnx"].read_bytes()[:3000])
    assert "cut.onnx cannot be opened" in refused("--model", tmp_path / "cut.onnx", "--dtype", "fp16")
    assert "No checkpoint at absent.ckpt" in refused("--model", "absent.ckpt", "--dtype", "fp16")
    assert "quantised already" in refused("--model", built / "narrow_int8_minmax.onnx", "--dtype", "fp16")
    text = refused(*model, "--config", tiny_config, "--keep_float", "f_branch.hed.conv", "--backend", "onnxruntime")
    assert "Did you mean `f_branch.head.conv`?" in text
    assert not (tmp_path / "out").exists() or list((tmp_path / "out").iterdir()) == []


def test_mistakes_with_build_files_and_earlier_results(built, narrow_models, tmp_path):
    build = write_yaml(tmp_path / "b.yml", {"model": str(narrow_models[".onnx"]), "backend": {"dtype": "fp16"}})
    assert "change it there" in run("--build", build, "--dtype", "int8").assert_refused()
    write_yaml(tmp_path / "c.yml", {"model": "m.onnx", "backends": []})
    assert "Did you mean `backend`?" in run("--build", tmp_path / "c.yml").assert_refused()
    assert "Cannot read the build file" in run("--build", tmp_path / "absent.yml").assert_refused()
    before = (built / "narrow_fp16.xml").stat().st_mtime_ns
    assert "is there already" in run("--build", build, "--output_path", built).assert_refused()
    assert (built / "narrow_fp16.xml").stat().st_mtime_ns == before
