"""export.py: what it leaves, what it refuses, and that a model which is not equal does not appear."""

import os
from unittest import mock

import numpy as np
import pytest
from mindspore import nn

from src.common.errors import ExportError
from src.deploy import parity
from src.deploy.parity import LIMIT, check_parity
from src.deploy.targets.mindir import portable_operators
from src.models import maps
from src.programs import export as program
from src.runtime.base import InputForm, Predictor
from src.runtime.factory import open_predictor
from src.runtime.mindspore_runtime import MindSporePredictor
from src.spec.preprocess import Preprocess
from tests.support.programs import run_main


class Sum(Predictor):
    """Says 0.5 plus `gain` times the sum of the input, and `error` more."""

    def __init__(self, gain: float = 0.0, error: float = 0.0, form: InputForm | None = None) -> None:
        super().__init__(Preprocess(), form or InputForm())
        self.gain, self.error, self.shapes = gain, error, []

    def run(self, x):
        self.shapes.append(x.shape)
        total = x.astype(np.float64).sum((1, 2, 3), keepdims=True)
        return 0.5 + self.error + np.zeros((x.shape[0], 1, *x.shape[2:])) + self.gain * total


@pytest.mark.slow
def test_parity_is_tried_on_five_sizes():
    model = Sum(error=LIMIT / 2)
    found = check_parity(Sum(), model)
    assert model.shapes == [(1, 3, 512, 512), (1, 3, 480, 288), (1, 3, 288, 480), (3, 3, 96, 160), (1, 3, 32, 32)]
    assert [one.most for one in found] == pytest.approx([LIMIT / 2] * 5)
    fixed = Sum(form=InputForm(2, (64, 32)))
    check_parity(Sum(), fixed)
    assert fixed.shapes == [(2, 3, 64, 32)] * 5


@pytest.mark.slow
@pytest.mark.parametrize("error", [1.01 * LIMIT, np.nan])
def test_a_difference_is_refused(error):
    with pytest.raises(ExportError, match="not equal to the checkpoint; no file was written"):
        check_parity(Sum(), Sum(error=error))


def test_a_network_that_amplifies_rounding_may_differ_by_three_times_its_own_noise(monkeypatch):
    monkeypatch.setattr(parity, "_SIZES", ((1, 32, 32),))
    x = parity.to_input(parity.portrait(0, 0, 32, 32)[0], Preprocess(), (32, 32))
    noise = parity._rounding_noise(Sum(gain=1e3), x, Sum(gain=1e3).run(x))
    assert noise > LIMIT
    (found,) = check_parity(Sum(gain=1e3), Sum(gain=1e3, error=2.9 * noise))
    assert found.allowed == pytest.approx(3 * noise)
    with pytest.raises(ExportError):
        check_parity(Sum(gain=1e3), Sum(gain=1e3, error=3.1 * noise))


def test_rounding_noise_is_the_largest_of_several_trials():
    class Unsteady(Sum):
        """Jumps in its third run alone."""

        def run(self, x):
            assert np.abs(x - 1).max() < 2e-7 and np.unique(x).size == 2  # the last bit, up and down
            return super().run(x) + 0.25 * (len(self.shapes) == 3)

    model, x = Unsteady(), np.ones((1, 3, 32, 32), np.float32)
    assert parity._rounding_noise(model, x, np.full((1, 1, 32, 32), 0.5)) == 0.25
    assert len(model.shapes) == 8


def test_rounding_noise_moves_weights_and_brings_them_back():
    network = nn.Conv2d(3, 1, 1, has_bias=False, weight_init="ones")
    before = network.weight.asnumpy().copy()
    model, x = MindSporePredictor(network, Preprocess()), np.zeros((1, 3, 8, 8), np.float32)
    x[0, 0] = 2**20  # exact; a weight's last bit above one is 2**-23, half of that below it
    noise = parity._rounding_noise(model, x, np.full((1, 1, 8, 8), 2.0**20))
    assert noise == pytest.approx(2**-3 + 2**-4, abs=2**-3)
    assert np.array_equal(network.weight.asnumpy(), before)


def test_portable_operators():
    with portable_operators():
        assert not maps.native_layout()


@pytest.mark.slow
def test_the_program(narrow_ckpt, tmp_path):
    def run(*arguments):
        return run_main(program.main, "--ckpt_path", narrow_ckpt, "--output_path", tmp_path / "out", *arguments)

    done = run("--file_format", "OPENVINO", "--input_shape", "1,3,64,96", "--with_preprocess")
    assert done.status == 0 and "narrow_1x3x64x96_u8.xml" in done.out, done.err
    files = sorted(path.name for path in (tmp_path / "out").iterdir())
    assert files == ["narrow_1x3x64x96_u8.bin", "narrow_1x3x64x96_u8.xml"]
    predictor = open_predictor(tmp_path / "out" / files[1])[0]
    assert predictor.form == InputForm(1, (64, 96), pixels=True)

    before = (tmp_path / "out" / files[0]).read_bytes()
    again = run("--file_format", "OPENVINO", "--input_shape", "1,3,64,96", "--with_preprocess")
    assert "is there already" in again.assert_refused() and "--overwrite" in again.err
    assert (tmp_path / "out" / files[0]).read_bytes() == before


@pytest.mark.slow
def test_a_model_that_is_not_equal_leaves_no_file(narrow_ckpt, tmp_path, monkeypatch):
    monkeypatch.setattr(parity, "LIMIT", 0.0)
    monkeypatch.setattr(parity, "_NOISE_FACTOR", 0)
    arguments = ("--ckpt_path", narrow_ckpt, "--output_path", tmp_path / "out", "--input_shape", "1,3,32,32")
    done = run_main(program.main, *arguments)
    assert done.status == 1 and done.err.startswith("error: The exported model is not equal"), done.err
    assert not (tmp_path / "out").exists()


def test_mistakes_on_the_command_line(narrow_ckpt, tmp_path):
    def refused(*arguments) -> str:
        with mock.patch.dict(os.environ):  # for MINDIR the program changes it
            return run_main(program.main, "--output_path", tmp_path / "out", *arguments).assert_refused()

    ours = ("--ckpt_path", narrow_ckpt)
    assert "OBS, ONNX, OPENVINO, got 'AIR'. AIR is made on an Ascend host" in refused(*ours, "--file_format", "AIR")
    assert "MINDIR, OBS, ONNX, OPENVINO, got 'TFLITE'" in refused(*ours, "--file_format", "tflite")
    assert "multiples of 32, got 500" in refused(*ours, "--input_shape", "1,3,500,512")
    assert "--with_preprocess" in refused(*ours, "--file_format", "MINDIR", "--with_preprocess")
    assert "--layout at NCHW" in refused(*ours, "--file_format", "MINDIR", "--layout", "NHWC")
    assert "leave --layout NCHW out" in refused(*ours, "--with_preprocess", "--layout", "NCHW")
    assert "No checkpoint at absent.ckpt" in refused("--ckpt_path", "absent.ckpt")
    assert not (tmp_path / "out").exists() or list((tmp_path / "out").iterdir()) == []
