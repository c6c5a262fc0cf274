"""An export target of one's own, by one registration."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from onnxruntime import InferenceSession

from src.common.errors import ConfigError
from src.deploy import registry
from src.deploy.export import export
from src.deploy.options import ExportOptions
from src.deploy.registry import ExportJob, find_target, known_targets, register_target
from src.deploy.targets import obs
from src.deploy.targets.onnx import write_onnx
from src.runtime.factory import open_predictor
from tests.support.narrow import save_narrow


def test_the_project_s_own_targets():
    assert [(target.name, target.suffixes) for target in known_targets()] == [
        ("HF", ("",)),
        ("MINDIR", (".mindir",)),
        ("OBS", (".onnx",)),
        ("ONNX", (".onnx",)),
        ("OPENVINO", (".xml", ".bin")),
    ]
    with pytest.raises(
        ConfigError, match=r"one of HF, MINDIR, OBS, ONNX, OPENVINO, got 'AIR'\. AIR is made on an Ascend host"
    ):
        find_target("AIR")


def test_obs_takes_rgb_in_zero_to_one(tmp_path, monkeypatch):
    """The plug-in divides by 255 and transposes; it knows no mean and no free size."""
    monkeypatch.setattr("src.deploy.parity._SIZES", ((1, 32, 32),))
    checkpoint = save_narrow(tmp_path / "net.ckpt")
    (path,), differences = export(checkpoint, "OBS", tmp_path, ExportOptions(shape=(1, 3, 64, 96)))
    assert path.name == "net_1x3x64x96_obs.onnx" and all(found.most < 1e-4 for found in differences)
    (plain,), _ = export(checkpoint, "ONNX", tmp_path, ExportOptions(shape=(1, 3, 64, 96)))
    x = np.random.default_rng(0).uniform(size=(1, 3, 64, 96)).astype(np.float32)
    pre = open_predictor(plain)[0].preprocess
    mean, std = (np.float32(v).reshape(1, 3, 1, 1) for v in (pre.mean, pre.std))
    expected = InferenceSession(plain).run(None, {"input": (x - mean) / std})[0]
    session = InferenceSession(path)
    assert session.get_inputs()[0].shape == [1, 3, 64, 96] and session.get_inputs()[0].type == "tensor(float)"
    np.testing.assert_allclose(session.run(None, {"input": x})[0], expected, atol=1e-5)
    found = open_predictor(path)[0].preprocess
    assert (found.mean, found.std) == ((0, 0, 0), (1, 1, 1)) and found.ref_size == pre.ref_size
    assert obs.WEBCAM == (288, 512)
    monkeypatch.setattr(obs, "WEBCAM", (32, 64))
    (default,), _ = export(checkpoint, "OBS", tmp_path, ExportOptions())
    assert default.name == "net_obs.onnx"
    assert InferenceSession(default).get_inputs()[0].shape == [1, 3, 32, 64]
    for options in (
        {"with_preprocess": True},
        {"layout": "NHWC"},
        {"shape": (1, 3, -1, 96)},
        {"shape": (2, 3, 64, 96)},
    ):
        with pytest.raises(ConfigError, match=r"^OBS takes"):
            export(checkpoint, "OBS", tmp_path / "more", ExportOptions(**options))


@pytest.mark.slow
def test_a_target_of_one_s_own(tmp_path, monkeypatch):
    known_targets()  # the project's own are registered
    monkeypatch.setattr(registry, "_TARGETS", dict(registry._TARGETS))
    monkeypatch.setattr("src.deploy.parity._SIZES", ((1, 32, 32),))

    def no_pixels(options: ExportOptions) -> None:
        if options.with_preprocess:
            raise ConfigError("TWIN takes no pixels.")

    @register_target("TWIN", ".onnx", ".copy", check=no_pixels)
    def write_twin(job: ExportJob, path: Path) -> None:
        write_onnx(job, path)
        shutil.copyfile(path, path.with_suffix(".copy"))

    checkpoint = save_narrow(tmp_path / "net.ckpt")
    paths, _ = export(checkpoint, "TWIN", tmp_path / "out", ExportOptions())
    assert paths == [tmp_path / "out" / "net.onnx", tmp_path / "out" / "net.copy"]
    assert paths[0].read_bytes() == paths[1].read_bytes()
    assert open_predictor(paths[0])[1].source["file"] == "net.ckpt"
    with pytest.raises(ConfigError, match="TWIN takes no pixels"):
        export(checkpoint, "TWIN", tmp_path / "more", ExportOptions(with_preprocess=True))
    assert not (tmp_path / "more").exists()
    with pytest.raises(ConfigError, match="HF, MINDIR, OBS, ONNX, OPENVINO, TWIN, got 'THIRD'"):
        find_target("THIRD")
