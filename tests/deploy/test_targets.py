"""An export target of one's own, by one registration."""

import shutil
from pathlib import Path

import pytest

from src.common.errors import ConfigError
from src.deploy import registry
from src.deploy.export import export
from src.deploy.options import ExportOptions
from src.deploy.registry import ExportJob, find_target, known_targets, register_target
from src.deploy.targets.onnx import write_onnx
from src.runtime.factory import open_predictor
from tests.support.narrow import save_narrow


def test_the_project_s_own_targets():
    assert [(target.name, target.suffixes) for target in known_targets()] == [
        ("MINDIR", (".mindir",)),
        ("ONNX", (".onnx",)),
        ("OPENVINO", (".xml", ".bin")),
    ]
    with pytest.raises(ConfigError, match=r"one of MINDIR, ONNX, OPENVINO, got 'AIR'\. AIR is made on an Ascend host"):
        find_target("AIR")


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
    with pytest.raises(ConfigError, match="MINDIR, ONNX, OPENVINO, TWIN, got 'THIRD'"):
        find_target("THIRD")
