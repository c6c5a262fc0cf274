"""benchmarks/pytorch.py: PyTorch computes the checkpoint's matte, and stands in the table beside exported models."""

import numpy as np
import pytest

from benchmarks import pytorch as program
from src.bench.results import Benchmark
from src.checkpoint.file import Meta, save_checkpoint, weights_of
from src.runtime.factory import open_predictor
from tests.support.narrow_mmnet import narrow_mmnet, narrow_mmnet_spec
from tests.support.programs import run_main


def test_pytorch_computes_the_checkpoint_s_matte(narrow_models, tmp_path):
    program.write_twin(narrow_models[".ckpt"], tmp_path / "twin.pt")
    twin, contract = program.open_model(str(tmp_path / "twin.pt"), "CPU", None)
    ours, own = open_predictor(narrow_models[".ckpt"])
    assert (twin.preprocess, contract) == (ours.preprocess, own)
    x = np.random.default_rng(0).uniform(-1, 1, (2, 3, 64, 96)).astype(np.float32)
    np.testing.assert_allclose(twin.run(x), ours.run(x), atol=1e-5)


@pytest.mark.slow
def test_the_table(narrow_models, tmp_path):
    command = ("--ckpt_path", narrow_models[".ckpt"], "--models", narrow_models[".onnx"], "--shape", "64x96")
    done = run_main(program.main, *command, "--loop", 2, "--threads", 1, "--json", tmp_path / "r.json")
    assert done.status == 0, done.err
    result = Benchmark.load(tmp_path / "r.json")
    assert [row.model for row in result.models] == [f"{narrow_models['.ckpt']} in PyTorch", str(narrow_models[".onnx"])]
    assert result.models[0].macs == result.models[1].macs > 0 and result.speedup(result.models[0]) == 1
    rows = [line for line in done.out.splitlines() if line.startswith("|")][2:]
    assert [line.split("|")[1].strip() for line in rows] == [row.label for row in result.models]


def test_other_networks_are_refused(narrow_models, tmp_path):
    ckpt, spec = tmp_path / "mmnet.ckpt", narrow_mmnet_spec()
    save_checkpoint(ckpt, weights_of(narrow_mmnet()), Meta(spec.network, spec.encoder_name, spec))
    arguments = ("--ckpt_path", ckpt, "--models", narrow_models[".onnx"])
    assert "mmnet.ckpt is no MODNet" in run_main(program.main, *arguments).assert_refused()
    assert "on the CPU alone" in run_main(program.main, *arguments, "--device", "GPU").assert_refused()
