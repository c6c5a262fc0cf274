"""export.py --target hf: the folder of transformers.js, whole or not at all."""

import json
from dataclasses import replace

import numpy as np
import pytest
from onnxruntime import InferenceSession

from src.common.errors import ConfigError, OutputError
from src.deploy.export import export
from src.deploy.options import ExportOptions
from src.deploy.targets import hf
from src.model_file.releases import find_model
from src.spec.preprocess import Preprocess
from tests.support.narrow import save_narrow


def test_the_folder(tmp_path, monkeypatch):
    monkeypatch.setattr("src.deploy.parity._SIZES", ((1, 32, 32),))
    checkpoint = save_narrow(tmp_path / "net.ckpt")
    (folder,), found = export(checkpoint, "HF", tmp_path / "out", ExportOptions(opset=13))
    assert folder == tmp_path / "out" / "net_opset13_hf" and found[0].most < 1e-4
    names = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}
    assert names == {"README.md", "config.json", "preprocessor_config.json", "onnx/model.onnx"}  # no int8: not released
    assert json.loads((folder / "config.json").read_text())["model_type"] == "modnet"
    x = np.zeros((1, 3, 32, 64), np.float32)
    assert InferenceSession(folder / "onnx/model.onnx").run(None, {"input": x})[0].shape == (1, 1, 32, 64)
    card = (folder / "README.md").read_text()
    assert card.startswith("---\nlicense: apache-2.0\n") and "`net.ckpt`, SHA-256" in card and "no 8-bit file" in card
    with pytest.raises(OutputError, match="net_opset13_hf is there already"):
        export(checkpoint, "HF", tmp_path / "out", ExportOptions(opset=13))
    (folder / "config.json").write_text("earlier")
    export(checkpoint, "HF", tmp_path / "out", ExportOptions(opset=13, overwrite=True))
    assert json.loads((folder / "config.json").read_text())["model_type"] == "modnet"
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["net_opset13_hf"]


def test_which_side_and_which_sizes():
    pre = Preprocess(ref_size=448, mean=(0.1, 0.2, 0.3))
    assert hf.preprocessor_config(pre)["size"] == {"shortest_edge": 448}
    found = hf.preprocessor_config(replace(pre, ref_side="longer", color="BGR"))
    assert found["size"] == {"longest_edge": 448} and found["size_divisibility"] == 32
    assert found["do_flip_channel_order"] and found["image_mean"] == [0.1, 0.2, 0.3]
    with pytest.raises(ConfigError, match="256x256, resampled with corners aligned"):
        hf.preprocessor_config(Preprocess(ref_size=(256, 256)))
    for options in ({"with_preprocess": True}, {"layout": "NHWC"}, {"shape": (1, 3, 64, 64)}):
        with pytest.raises(ConfigError, match=r"^transformers\.js gives"):
            hf.any_normalised(ExportOptions(**options))


def test_the_released_int8_file_is_found_by_its_weights(tmp_path):
    assert hf.released_int8(find_model("modnet-p", (".ckpt",))).name == "modnet-p-int8.onnx"
    assert hf.released_int8(find_model("modnet-lite0", (".ckpt",))) is None
    assert hf.released_int8(save_narrow(tmp_path / "net.ckpt")) is None
