"""The released networks' recipe with a stand-in for Python: what it calls, in which order, and how it goes on.

The stand-in refuses a call whose inputs are not there yet, and leaves the files that the real programs would.
"""

import argparse
import json
import shutil
import sys
from pathlib import Path

import pytest
import yaml

from src.config.options import add_arguments, config_from_args
from tests.support.programs import ROOT, Outcome, checkout, run_script

SCRIPT = "train_release.sh"
STAND_IN = """#!{python}
import json, os, sys
from pathlib import Path

if sys.argv[1] == "-m":  # the program itself, not one of its steps
    os.execv({python!r}, [{python!r}, *sys.argv[1:]])

import yaml

words = [word for word in sys.argv[1:] if word != "-u"]
options, name = {{}}, None
for word in words[1:]:
    if word.startswith("--"):
        options[name := word[2:]] = []
    elif name:
        options[name].append(word)
with open("calls.jsonl", "a") as file:
    file.write(json.dumps(words) + "\\n")
for name in ("ckpt_path", "teacher", "model", "config", "resume", "source"):
    for path in options.get(name, []):
        assert Path(path).exists(), f"{{words}}: {{path}} is not there"


def touch(path):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()


if words[0] == "train.py":
    out = Path(options["output_path"][0])
    values = yaml.safe_load(Path(options["config"][0]).read_text())
    title = "MMNet" if values.get("network") == "mmnet" else "MODNet"
    touch(out / "ckpt" / f"{{title}}_last.ckpt")
    if os.environ.get("STOP") == out.name:
        sys.exit(1)
    epochs = int(options.get("epoch_size", [values["epoch_size"]])[-1])
    for epoch in range(max(1, epochs - 4), epochs + 1):
        touch(out / "ckpt" / f"{{title}}-{{epoch}}_{{epoch * 90}}.ckpt")
    touch(out / "ckpt" / f"{{title}}_best.ckpt")
    (out / "train.log").write_text("training finished")
elif words[0] == "prune.py":
    touch(Path(options["output_path"][0]) / "pruned.ckpt")
elif words[0] == "get_init_weight.py":
    touch(Path("pretrained/mindspore_efficientnet_lite0.ckpt"))
elif words[0] == "data/prepare_ccp.py":
    touch(Path("data/CCP/unlabelled/0001.jpg"))
elif words[0] == "infer.py":
    touch(Path(options["output"][0]) / "0001.png")
elif words[0] in ("scripts/average.py", "scripts/widen.py"):
    assert len(options.get("shares", options["ckpt_path"])) == len(options["ckpt_path"])
    assert len(options["ckpt_path"]) > 1 or words[0] == "scripts/widen.py"
    touch(Path(options["output"][0]))
"""


@pytest.fixture
def copy(tmp_path) -> Path:
    """A working copy with the stand-in, and `photos` in place of the data set."""
    folder = checkout(tmp_path / "copy")
    shutil.copytree(ROOT / "configs", folder / "configs")
    (folder / "pretrained").mkdir()
    (folder / "photos").mkdir()
    (folder / "python").write_text(STAND_IN.format(python=sys.executable))
    (folder / "python").chmod(0o755)
    return folder


def run(copy: Path, *arguments: str, **environment: str) -> Outcome:
    (copy / "calls.jsonl").unlink(missing_ok=True)
    return run_script(copy, SCRIPT, "photos", "out", *arguments, PYTHON=str(copy / "python"), **environment)


def calls(copy: Path, program: str) -> list[list[str]]:
    lines = (copy / "calls.jsonl").read_text().splitlines()
    return [words[1:] for words in map(json.loads, lines) if words[0] == program]


def step(words: list[str]) -> str:
    return Path(words[words.index("--output_path") + 1]).name


@pytest.mark.slow
def test_all_steps_and_nothing_twice(copy):
    done = run(copy)
    assert done.status == 0, done.err
    assert {"dense.ckpt", "student.ckpt", "mmnet.ckpt"} <= {path.name for path in (copy / "out").iterdir()}
    pseudo = copy / "data/CCP-pseudo/train"
    assert (pseudo / "blurred_image/0001.jpg").exists() and (pseudo / "mask/0001.png").exists()
    steps = [step(words) for words in calls(copy, "train.py")]
    assert steps[0] == "dense_256" and steps[-1] == "mmnet" and len(set(steps)) == len(steps)
    run(copy)
    assert not [name for name in ("train.py", "prune.py", "infer.py", "scripts/average.py") if calls(copy, name)]


@pytest.mark.slow
def test_every_training_is_a_valid_configuration(copy, monkeypatch):
    """Each command line through train.py's own parser; a student has a teacher, a later step a start."""
    run(copy)
    monkeypatch.chdir(copy)
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    for words in calls(copy, "train.py"):
        config = config_from_args(parser.parse_args(words))
        taught = step(words).startswith("student") or step(words) == "dense_final"
        assert (config.distillation.teacher is not None) == taught
        assert (config.network.ckpt_path is None) == (step(words) in ("dense_256", "mmnet"))


@pytest.mark.slow
def test_means(copy):
    """Half the start and half the epochs, all alike, and epochs alone."""
    run(copy)
    means = {Path(words[-1]).stem: words[1:-2] for words in calls(copy, "scripts/average.py")}
    out = copy / "out"
    epochs = [str(out / f"dense_448_more/ckpt/MODNet-{epoch}_{90 * epoch}.ckpt") for epoch in range(3, 8)]
    assert means["dense_1"] == [str(out / "dense_0.ckpt"), *epochs, "--shares", "5", "1", "1", "1", "1", "1"]
    last = str(out / "dense_whole_more/ckpt/MODNet-3_270.ckpt")
    assert means["dense_3"] == [str(out / "dense_2.ckpt"), last]
    epochs = [str(out / f"student_calm/ckpt/MODNet-{epoch}_{90 * epoch}.ckpt") for epoch in range(2, 5)]
    assert means["student_8"] == epochs


@pytest.mark.slow
def test_epochs_are_sorted_as_numbers(copy):
    """Of 12 epochs the last are 8 to 12, not 8 and 9."""
    run(copy, "--epoch_size", "12")
    means = {Path(words[-1]).stem: words[2:-2] for words in calls(copy, "scripts/average.py")}
    assert [Path(path).name for path in means["dense_3"]] == ["MODNet-12_1080.ckpt"]


@pytest.mark.slow
def test_an_interrupted_training_goes_on(copy):
    done = run(copy, "--epoch_size", "1", STOP="student_448")
    assert done.status == 1 and step(calls(copy, "train.py")[-1]) == "student_448"
    done = run(copy, "--epoch_size", "1")
    assert done.status == 0, done.err
    first = calls(copy, "train.py")[0]
    assert step(first) == "student_448" and first[-2:] == ["--resume", str(copy / "out/student_448")]
    assert "--resume" not in calls(copy, "train.py")[1] and first[first.index("--val_interval") + 1] == "4"


def test_mistakes(copy):
    done = run_script(copy, SCRIPT)
    assert done.status == 2 and done.err.startswith(f"Usage: bash scripts/{SCRIPT} CLOTHING_CO_PARSING DIR")
    shutil.rmtree(copy / "photos")
    done = run(copy)
    assert done.status == 2 and f"error: no folder at {copy}/photos. Get it by: git clone" in done.err
    assert not (copy / "out").exists()


def test_the_configurations_name_the_folders_that_it_makes():
    text = (ROOT / "src" / "release" / "recipe.py").read_text()
    for name in (
        "CCP",
        "release",
        "release_448",
        "release_student",
        "release_whole",
        "release_pseudo",
        "release_final",
        "release_mmnet",
    ):
        values = yaml.safe_load((ROOT / "configs" / f"{name}.yml").read_text())["train_dataset"]
        folders = [values, *values.get("also", [])]
        for folder in (Path(entry["dataset_root"]) for entry in folders):
            assert str(folder) in text
