"""The raw files of offline inference: their bytes, their manifest, and results of other programs."""

import json

import numpy as np
import pytest

from src.common.errors import DataError
from src.config.config import load_config
from src.config.mmnet import DEFAULT_CONFIG
from src.data.preprocess import preprocess_of
from src.evaluation.offline.bin_store import BinEntry, BinOutputs, BinTruth, Manifest, read_bin, write_bin
from src.evaluation.offline.prepare import MMNET
from src.evaluation.offline.score import score


def test_results_of_another_program_by_hand(tmp_path):
    """A mask whose left half is 1, and a result of 0.25 everywhere: MSE (0.75^2 + 0.25^2) / 2, MAD 0.5."""
    mask = np.zeros((40, 30), np.float32)
    mask[:, :15] = 1
    for part in ("masks", "output"):
        (tmp_path / part).mkdir()
    write_bin(tmp_path / "masks" / "a.bin", mask)
    np.full((16, 16), 0.25, "<f4").tofile(tmp_path / "output" / "a.bin")
    Manifest("set", MMNET, "float32", (BinEntry("a", (16, 16), (40, 30)),)).save(tmp_path)
    result = score(BinOutputs(tmp_path), BinTruth(tmp_path))
    assert (result.whole["mse"], result.whole["mad"]) == pytest.approx((0.3125, 0.5), abs=1e-6)
    assert result.model == str(tmp_path / "output") and result.network_seconds == 0


def test_inputs_without_a_model_are_those_of_the_configuration():
    assert preprocess_of(load_config(DEFAULT_CONFIG).data) == MMNET


def test_manifests_of_an_earlier_release_are_channels_last(tmp_path):
    manifest = Manifest("set", MMNET, "float32", (BinEntry("a", (16, 16), (40, 30)),))
    manifest.save(tmp_path)
    values = json.loads((tmp_path / "manifest.json").read_text())
    assert values.pop("layout") == "NHWC"
    (tmp_path / "manifest.json").write_text(json.dumps(values))
    assert Manifest.load(tmp_path) == manifest
    (tmp_path / "manifest.json").write_text(json.dumps(values | {"layout": "NCWH"}))
    with pytest.raises(DataError, match=r"cannot be read .*layout 'NCWH'"):
        Manifest.load(tmp_path)


def test_bins_are_little_endian(tmp_path):
    write_bin(tmp_path / "a.bin", np.array([[1.0, -2.0]], ">f4"))
    assert (tmp_path / "a.bin").read_bytes() == bytes.fromhex("0000803f000000c0")
    assert read_bin(tmp_path / "a.bin", "float32", (2, 1), "").tolist() == [[1.0], [-2.0]]
    with pytest.raises(DataError, match=r"has 8 bytes, float32 \[3\] has 12. Fix it"):
        read_bin(tmp_path / "a.bin", "float32", (3,), "Fix it")
