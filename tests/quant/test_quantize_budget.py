"""quantize.py --max_mse_increase: the layers that it keeps in float, and a budget that cannot be kept."""

import json
from pathlib import Path
from unittest import mock

import numpy as np
import pytest
import yaml

from src.imaging import read_image, write_alpha
from src.programs import quantize as program
from src.quant import budget
from src.runtime.factory import open_predictor
from src.spec.preprocess import Preprocess
from tests.support.narrow import narrow_state, save_narrow
from tests.support.programs import run_main, write_yaml


def run(*arguments):
    return run_main(program.main, *arguments)


def export_onnx(folder: Path, name: str, state: dict[str, np.ndarray]) -> Path:
    from src.deploy.export import export
    from src.deploy.options import ExportOptions

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


@pytest.mark.slow
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
    fixed = quantised("bad", "--max_mse_increase", f"{allowed:.3f}")
    assert fixed["scores"]["mse"] <= 2.01 * fair["scores"]["mse"]
    report = json.loads((tmp_path / "bad2" / "bad_int8.onnx.json").read_text())
    worst = {"hr_branch.conv_hr4x.0.conv", "hr_branch.conv_hr4x.1.conv"}
    assert {row["layer"] for row in sorted(report["ranking"], key=lambda row: row["snr"])[:2]} == worst
    assert worst & set(fixed["note"]["float_layers"]) and len(fixed["note"]["float_layers"]) <= 3
    assert open_predictor(tmp_path / "bad2" / "bad_int8.onnx")[1].quantization == fixed["note"]


def test_a_budget_that_cannot_be_kept_leaves_a_report_and_no_model(narrow_models, tiny_config, tmp_path, monkeypatch):
    monkeypatch.setattr(budget, "CANDIDATES", 1)
    monkeypatch.setattr(budget.FloatLayerSearch, "_holds", lambda self, trial: False)
    arguments = ["--model", narrow_models[".onnx"], "--config", tiny_config, "--backend", "onnxruntime"]
    with mock.patch(
        "src.quant.eight_bits.signal_to_noise", lambda *_: {"encoder.stem.conv": 1.0, "f_branch.head.conv": 2.0}
    ):
        done = run(*arguments, "--calibration_size", 2, "--max_mse_increase", "0", "--output_path", tmp_path)
    assert done.status == 1 and "no choice of float layers" in done.out and "The nearest is" in done.out
    assert [path.name for path in tmp_path.iterdir()] == ["narrow_int8.onnx.json"]
    assert not json.loads((tmp_path / "narrow_int8.onnx.json").read_text())["met"]
