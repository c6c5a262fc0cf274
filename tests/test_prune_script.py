"""From a dense checkpoint to a pruned, retrained and scored one by one command, and the table at its end."""

import json
import sys

import pytest

from src.checkpoint import load_network, read_checkpoint
from src.costs import count
from tests.programs import checkout, run_program, run_script

SCRIPT = "run_prune_gpu.sh"


@pytest.fixture(scope="module")
def run(tmp_path_factory, tiny_config, narrow_ckpt):
    copy = checkout(tmp_path_factory.mktemp("prune") / "copy")
    done = run_script(
        copy, SCRIPT, tiny_config, narrow_ckpt, 0, "--epoch_size", 1, FOREGROUND="1", PRUNE_ARGS="--ratio 0.3"
    )
    assert done.status == 0, done.out + done.err
    return (copy / "prune").resolve(), done


def test_the_student_is_pruned_and_taught(run, narrow_ckpt):
    folder, done = run
    assert f"teacher: {narrow_ckpt} (epoch 0)" in done.out and "kd_matte=" in done.out
    dense, best = read_checkpoint(narrow_ckpt), read_checkpoint(folder / "output" / "ckpt" / "MODNet_best.ckpt")
    assert best.meta.spec == read_checkpoint(folder / "pruned" / "pruned.ckpt").meta.spec != dense.meta.spec
    assert not [name for name in best.weights if name.startswith("teacher.")]


def test_the_table_holds_measured_numbers(run, narrow_ckpt):
    folder, _ = run
    rows = json.loads((folder / "table" / "table.json").read_text())["networks"]
    best = folder / "output" / "ckpt" / "MODNet_best.ckpt"
    assert [row["network"] for row in rows] == [str(narrow_ckpt), str(folder / "pruned" / "pruned.ckpt"), str(best)]
    scores = json.loads((folder / "eval" / "comparison.json").read_text())["models"]
    for row, model in zip(rows, scores, strict=True):
        costs = count(load_network(row["network"])[0])
        assert (row["parameters"], row["macs"]) == (costs.parameters, costs.macs)
        assert (row["mse"], row["mad"]) == (model["whole"]["mse"], model["whole"]["mad"])
        assert row["openvino_ms"] > 0
    assert rows[1]["parameters"] == rows[2]["parameters"] < rows[0]["parameters"]
    lines = (folder / "table" / "table.md").read_text().splitlines()
    assert len(lines) == 5 and f"| {rows[2]['parameters']:,} | {rows[2]['macs'] / 1e9:.3f} |" in lines[4]


def test_mistakes(tmp_path, tiny_config):
    copy = checkout(tmp_path / "copy")
    done = run_script(copy, SCRIPT, tiny_config, tmp_path / "none.ckpt", 0)
    assert done.status == 2 and "no checkpoint at" in done.err
    assert run_script(copy, SCRIPT).status == 2
    table = copy / "scripts" / "prune_table.py"
    (tmp_path / "c.json").write_text('{"models": [{"model": "a.onnx"}]}')
    refused = run_program(sys.executable, table, tmp_path / "c.json", "--output", tmp_path / "t")
    assert refused.status == 2 and "no comparison of checkpoints" in refused.err and not (tmp_path / "t").exists()
