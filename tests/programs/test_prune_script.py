"""From a dense checkpoint to a pruned, retrained and scored one by one command, and the table at its end."""

import json
import sys
from unittest import mock

import pytest

from src.checkpoint.file import load_network, read_checkpoint
from src.models.costs import count
from src.programs import prune_and_retrain
from src.spec.variants import with_norm
from tests.support.programs import checkout, run_main, run_program, run_script

SCRIPT = "run_prune_gpu.sh"
VERBS = ("prune", "train", "eval", "prune-table")


@pytest.fixture(scope="module")
def run(tmp_path_factory, tiny_config, narrow_ckpt):
    copy = checkout(tmp_path_factory.mktemp("prune") / "copy")
    done = run_script(
        copy, SCRIPT, tiny_config, narrow_ckpt, 0, "--epoch_size", 1, FOREGROUND="1", PRUNE_ARGS="--ratio 0.3"
    )
    assert done.status == 0, done.out + done.err
    return (copy / "prune").resolve(), done


@pytest.mark.slow
def test_the_student_is_pruned_and_taught(run, narrow_ckpt):
    folder, done = run
    assert f"teacher: {narrow_ckpt} (epoch 0)" in done.out and "kd_matte=" in done.out
    dense, best = read_checkpoint(narrow_ckpt), read_checkpoint(folder / "output" / "ckpt" / "MODNet_best.ckpt")
    pruned = read_checkpoint(folder / "pruned" / "pruned.ckpt")
    assert best.meta.spec == with_norm(pruned.meta.spec, "batch") != pruned.meta.spec != dense.meta.spec
    assert "retrained with batch norms" in done.out and pruned.meta.spec.fusion.inorm
    assert not [name for name in best.weights if name.startswith("teacher.")]


@pytest.mark.slow
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
    assert rows[1]["macs"] == rows[2]["macs"] < rows[0]["macs"]
    assert rows[1]["parameters"] < rows[2]["parameters"] < rows[0]["parameters"]  # batch norms have scale and shift
    lines = (folder / "table" / "table.md").read_text().splitlines()
    cells = [cell.strip() for cell in lines[4].split("|")]
    assert len(lines) == 5 and cells[2:4] == [f"{rows[2]['parameters']:,}", f"{rows[2]['macs'] / 1e9:.3f}"]


@pytest.mark.parametrize(
    ("asked", "file"),
    [
        ("tiny", "{copy}/pretrained/tiny.ckpt"),
        ("tiny.ckpt", "{copy}/pretrained/tiny.ckpt"),
        ("here", "{here}/here"),
        ("a/tiny", "{here}/a/tiny"),
    ],
)
def test_a_released_name_means_its_checkpoint(tmp_path, asked, file):
    """A file where the user stands comes first; a path is a path."""
    copy = checkout(tmp_path / "copy")
    (copy / "pretrained").mkdir()
    for path in (copy / "pretrained" / "tiny.ckpt", copy / "pretrained" / "here.ckpt", tmp_path / "here"):
        path.touch()
    done = run_program("bash", "-c", f"source {copy}/scripts/common.sh; checkpoint {asked}", cwd=tmp_path)
    assert (done.status, done.out) == (0, file.format(copy=copy, here=tmp_path) + "\n")


@pytest.fixture
def steps(tmp_path):
    """Runs `prune-and-retrain` with programs that note their arguments: (network, prune's, train's, YAML) -> train's.

    With train's line comes what was said.
    """

    def call(network: str, prune: str = "", train: tuple[str, ...] = (), values: str = "lr: 0.1") -> tuple[str, str]:
        run, lines = tmp_path / "run", []

        def note(command: list[str]) -> int:
            assert command[:5] == [sys.executable, "-u", "-m", "src.programs", VERBS[len(lines)]]
            lines.append(" ".join(command[5:]))
            for folder in (run / "pruned", run / "output" / "ckpt"):
                folder.mkdir(parents=True, exist_ok=True)
            (run / "pruned" / "report.json").write_text(f'{{"network": "{network}"}}')
            (run / "output" / "ckpt" / f"{'MMNet' if network == 'mmnet' else 'MODNet'}_best.ckpt").touch()
            return 0

        (tmp_path / "c.yml").write_text(values)
        with mock.patch("src.pruning.retraining.run_program", note):
            done = run_main(
                prune_and_retrain.main, f"--prune_args={prune}", run, tmp_path / "c.yml", "dense.ckpt", 0, *train
            )
        assert done.status == 0, done.err
        assert len(lines) == len(VERBS)
        assert f"--model dense.ckpt {run}/pruned/pruned.ckpt {run}/output/ckpt/M" in lines[2]
        return lines[1].partition("pruned.ckpt ")[2].replace(str(run), "RUN"), done.out

    return call


def test_a_modnet_is_taught_and_batch_normalised(steps):
    assert steps("modnet", train=("--lr", "1"))[0] == (
        "--teacher dense.ckpt --norm batch --output_path RUN/output --lr 1"
    )


def test_an_mmnet_has_no_teacher(steps):
    train, said = steps("mmnet")
    assert train == "--output_path RUN/output" and "without a teacher: distillation is for MODNets" in said


@pytest.mark.parametrize(
    "asked",
    [
        {"train": ("--norm", "ib")},
        {"train": ("--norm=ib",)},
        {"prune": "--norm auto"},
        {"prune": "--ratio 0.3 --compatible"},
        {"values": "lr: 0.1\nnorm: ib\n"},
    ],
    ids=str,
)
def test_norms_that_were_asked_for_stay(steps, asked):
    own = " ".join(["", *asked.get("train", ())])
    assert steps("modnet", **asked)[0] == f"--teacher dense.ckpt --output_path RUN/output{own}"


def test_the_first_failure_ends_the_run_before_anything_else_starts(tmp_path):
    (tmp_path / "c.yml").write_text("lr: 0.1")
    (tmp_path / "typo.yml").write_text("lrr: 0.1")
    given = tmp_path / "run", tmp_path / "c.yml", "dense.ckpt", 0
    with mock.patch("src.pruning.retraining.run_program", return_value=3) as called:
        assert run_main(prune_and_retrain.main, *given).status == 3 and called.call_count == 1
        called.reset_mock()
        assert (
            "Did you mean `lr`?" in run_main(prune_and_retrain.main, *given[:1], tmp_path / "typo.yml", *given[2:]).err
        )
        assert run_main(prune_and_retrain.main, *given, "--epochs", "3").status == 2
        assert run_main(prune_and_retrain.main, "--prune_args=--strategy budget", *given).status == 2
        assert not called.called


@pytest.mark.slow
def test_mistakes(tmp_path, tiny_config):
    copy = checkout(tmp_path / "copy")
    done = run_script(copy, SCRIPT, tiny_config, tmp_path / "none.ckpt", 0)
    assert done.status == 2 and "no checkpoint at" in done.err
    assert run_script(copy, SCRIPT).status == 2
    table = copy / "scripts" / "prune_table.py"
    (tmp_path / "c.json").write_text('{"models": [{"model": "a.onnx"}]}')
    refused = run_program(sys.executable, table, tmp_path / "c.json", "--output", tmp_path / "t")
    assert refused.status == 2 and "no comparison of checkpoints" in refused.err and not (tmp_path / "t").exists()
