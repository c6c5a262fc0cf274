"""A runtime of one's own, for a suffix of its own, by one registration; and the size that any runtime is asked for."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from src.common.errors import ConfigError, ModelError
from src.model_file import formats
from src.model_file import releases as released
from src.model_file.contract import read_contract
from src.model_file.formats import ModelFormat, known_formats
from src.model_file.releases import ReleasedFile, ReleasedModel, find_model, write_releases
from src.runtime import registry
from src.runtime.base import InputForm, Predictor
from src.runtime.factory import open_predictor
from src.runtime.input_size import INPUT_SHAPE, SHAPE, choose_size, fix_size, only_size
from src.runtime.options import RuntimeOptions
from src.runtime.registry import opener_of, register_runtime
from src.spec.preprocess import Preprocess
from tests.support.programs import ROOT

GIVEN = {"mean": (0.5,) * 3, "std": (0.5,) * 3, "ref_size": 64, "multiple": 32, "color": "RGB"}


class Level(Predictor):
    """Says everywhere what stands in its file."""

    def __init__(self, level: float, preprocess: Preprocess) -> None:
        super().__init__(preprocess)
        self.level = level

    def run(self, x: np.ndarray) -> np.ndarray:
        return np.full((len(x), 1, *x.shape[2:]), self.level, np.float32)


@pytest.fixture
def toy(monkeypatch) -> ModelFormat:
    """Files of the suffix .toy, opened by a runtime of this test."""
    opener_of(Path("any.onnx"))  # the project's own are registered
    monkeypatch.setattr(registry, "_OPENERS", dict(registry._OPENERS))
    monkeypatch.setattr(formats, "_FORMATS", dict(formats._FORMATS))
    form = ModelFormat(".toy", "numpy")

    @register_runtime(form)
    def open_toy(path: Path, options: RuntimeOptions) -> tuple[Predictor, object]:
        contract = read_contract(None, path, options.preprocess)
        return Level(float(path.read_text()), contract.preprocess), contract

    return form


def test_a_runtime_of_one_s_own(toy, tmp_path, monkeypatch):
    (tmp_path / "net.toy").write_text("0.25")
    predictor, contract = open_predictor(tmp_path / "net.toy", preprocess=GIVEN)
    assert predictor.predict(np.zeros((40, 60, 3), np.uint8)).mean() == pytest.approx(0.25)
    assert contract.preprocess.ref_size == 64 and known_formats()[".toy"] == toy
    with pytest.raises(ModelError, match=r"known are \.ckpt, \.mindir, \.onnx, \.toy, \.xml"):
        open_predictor(tmp_path / "net.foreign")
    # Released, its name is found like any other.
    monkeypatch.setattr(released, "FOLDER", tmp_path)
    write_releases([ReleasedModel("net", "", (ReleasedFile.of(tmp_path / "net.toy"),))])
    assert find_model("net") == find_model("net.toy") == tmp_path / "net.toy"


def test_every_format_has_a_runtime():
    for suffix in known_formats():
        assert callable(opener_of(Path(f"m{suffix}")))


def test_registering_imports_no_runtime():
    program = """
import sys
from pathlib import Path
from src.runtime.registry import opener_of
opener_of(Path("m.ckpt"))
assert not {"mindspore", "onnxruntime", "openvino"} & set(sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_one_size_for_all_inputs():
    own = Preprocess(ref_size=(255, 200))
    assert only_size(own, InputForm()) == (255, 200) and only_size(Preprocess(), InputForm()) is None
    assert choose_size(None, own, InputForm(), "m", SHAPE) == (255, 200)
    predictor = Level(0.5, Preprocess())
    fix_size(predictor, (64, 96), "m", SHAPE)
    assert predictor.prepare(np.zeros((50, 50, 3), np.uint8)).shape == (1, 3, 64, 96)
    with pytest.raises(ModelError, match=r"only inputs of 64x96 \(height x width\), not 96x64: give --shape 64x96"):
        fix_size(predictor, (96, 64), "m", SHAPE)
    with pytest.raises(ModelError, match=r"not 96x64: leave --input_shape out"):
        fix_size(predictor, (96, 64), "m", INPUT_SHAPE)
    with pytest.raises(ModelError, match=r"--shape is 64x90; m takes a height and a width that are multiples of 32"):
        choose_size((64, 90), Preprocess(), InputForm(), "m", SHAPE)
    with pytest.raises(ConfigError, match=r"m takes any\. Say --input_shape 1,3,480,288"):
        choose_size(None, Preprocess(), InputForm(), "m", INPUT_SHAPE)
