"""The run scripts, in a working copy of their own: train for one epoch, score the result, and every mistake."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml

from tests.support.programs import ROOT, Outcome, checkout, run_program, run_script, write_yaml

SCRIPTS = ["run_standalone_train_gpu.sh", "run_distributed_train_gpu.sh", "run_standalone_eval_gpu.sh"]
TRAIN, DISTRIBUTED, EVAL = SCRIPTS
SECRET = "correct horse battery staple"


@pytest.fixture(scope="module")
def copy(tmp_path_factory) -> Path:
    return checkout(tmp_path_factory.mktemp("scripts") / "copy")


@pytest.fixture(scope="module")
def trained(copy, tiny_config) -> tuple[Path, Outcome]:
    """The run's folder and what the script said."""
    flags = ("--epoch_size", 1, "--device_target", "CPU")
    done = run_script(copy, TRAIN, tiny_config, 0, *flags, FOREGROUND="1", API_TOKEN=SECRET)
    assert done.status == 0, done.out + done.err
    return (copy / "train").resolve(), done


def wait_for_end(pid: int, seconds: float = 120) -> None:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return
        time.sleep(0.1)
    raise AssertionError(f"process {pid} still runs after {seconds} s")


def test_training_in_the_foreground(copy, trained):
    folder, done = trained
    assert folder.parent == copy / "runs" and re.fullmatch(r"train-\d{8}-\d{6}", folder.name)
    assert (folder / "train.log").read_text() == done.out
    assert "[TRAIN] epoch=1/1, iter=3/3" in done.out and "[EVAL] epoch=1" in done.out
    assert sorted(os.listdir(folder / "output" / "ckpt")) == ["MODNet-1_3.ckpt", "MODNet_best.ckpt", "MODNet_last.ckpt"]


def test_evaluation_in_the_background(copy, trained, tiny_config):
    """The script returns at once with PID and log; the log ends with the scores of eval.json."""
    done = run_script(copy, EVAL, tiny_config, "train/output/ckpt/MODNet_best.ckpt", 0)
    assert done.status == 0, done.out + done.err
    pid, log = re.match(r"PID (\d+), log (.*/runs/eval-\d{8}-\d{6}/eval\.log)\n", done.out).groups()
    wait_for_end(int(pid))
    lines = Path(log).read_text().splitlines()
    mse, mad = re.search(r"eval result, MSE: (\d\.\d{6}), MAD: (\d\.\d{6})$", lines[-1]).groups()
    output = copy / "eval" / "output"
    result = json.loads((output / "eval.json").read_text())
    assert (mse, mad) == (f"{result['whole']['mse']:.6f}", f"{result['whole']['mad']:.6f}")
    assert result["pictures"] == 2 and result["model"].endswith("MODNet_best.ckpt")
    assert sorted(os.listdir(output)) == ["eval.json", "v00000.png", "v00001.png"]
    assert [name for name in ("v00000", "v00001") if sum(f"] {name}: MSE" in line for line in lines) == 1] == [
        "v00000",
        "v00001",
    ]
    scores = re.search(r"\[EVAL\] epoch=1, MSE: (\S+), MAD: (\S+) ", (trained[0] / "train.log").read_text()).groups()
    assert scores == (mse, mad)  # training's own validation saw the same pixels


def test_runs_tell_no_secrets(copy, trained):
    files = [path for path in (copy / "runs").rglob("*") if path.is_file()]
    assert len(files) > 8 and not [path for path in files if SECRET.encode() in path.read_bytes()]


def dash() -> str:
    """Debian's `sh`, which knows neither arrays nor `source`."""
    shell = next((path for path in ("/bin/dash", "/usr/bin/dash") if os.path.exists(path)), None)
    if shell is None:
        pytest.skip("no dash here; another `sh` may be bash")
    return shell


@pytest.mark.parametrize("script", sorted({path.name for path in (ROOT / "scripts").glob("*.sh")} - {"common.sh"}))
def test_sh_in_place_of_bash(copy, script, tmp_path):
    """Every script goes on in bash, with its arguments, before anything that `sh` does not know."""
    lines = (ROOT / "scripts" / script).read_text().splitlines()
    start = next(line for line in lines if not line.startswith("#"))
    assert start == '[ -n "${BASH_VERSION:-}" ] || exec bash "$0" "$@"'
    (tmp_path / script).write_text(f'{start}\na=("$@")\necho "${{a[1]}}" $#\n')
    assert run_program(dash(), tmp_path / script, "one", "two words") == Outcome(0, "two words 2\n", "")


def test_a_script_by_sh(copy, tmp_path):
    done = run_program(dash(), f"scripts/{DISTRIBUTED}", "absent.yml", 2, "0,1", cwd=copy)
    assert (done.status, done.err) == (2, f"error: no configuration at {copy}/absent.yml\n")


@pytest.mark.parametrize("script", SCRIPTS)
def test_usage_without_arguments(copy, script):
    done = run_script(copy, script)
    assert done.status == 2 and done.out == ""
    assert done.err.startswith(f"Usage: bash scripts/{script} CONFIG_PATH ") and "FOREGROUND=1" in done.err


@pytest.mark.parametrize("script", SCRIPTS)
def test_a_missing_configuration(copy, script, tmp_path):
    before = sorted(copy.rglob("*"))
    done = run_script(copy, script, "absent.yml", 2, "0,1", cwd=tmp_path)
    assert (done.status, done.err) == (2, f"error: no configuration at {tmp_path}/absent.yml\n")
    assert sorted(copy.rglob("*")) == before


@pytest.mark.parametrize(("model", "file"), [("absent.ckpt", "absent.ckpt"), ("a/m.xml@bf16", "a/m.xml")])
def test_a_missing_model(copy, tiny_config, model, file):
    before = sorted(copy.rglob("*"))
    done = run_script(copy, EVAL, tiny_config, model, 0)
    assert (done.status, done.err) == (2, f"error: no model at {copy}/{file}\n")
    assert sorted(copy.rglob("*")) == before


def test_a_taken_port_is_named_at_once(copy, tiny_config):
    before = sorted(copy.rglob("*"))
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        held.listen()
        port = str(held.getsockname()[1])
        began = time.monotonic()
        done = run_script(copy, DISTRIBUTED, tiny_config, 2, "0,1", MASTER_PORT=port)
    assert time.monotonic() - began < 5
    assert f"MASTER_PORT {port} at 127.0.0.1 is taken" in done.assert_refused() and done.err.count("\n") == 1
    assert sorted(copy.rglob("*")) == before


@pytest.mark.slow
def test_evaluation_of_any_model(copy, tiny_config, narrow_models):
    """A file from where the user stands, a released name, and a name that nothing has."""

    def evaluated(model: str) -> Outcome:
        folder = narrow_models[".xml"].parent
        return run_script(copy, EVAL, tiny_config, model, 0, cwd=folder, FOREGROUND="1")

    for model, label in (("narrow.xml@f32", str(narrow_models[".xml"])), ("modnet-p.onnx", "modnet-p.onnx")):
        done = evaluated(model)
        assert done.status == 0, done.out + done.err
        result = json.loads((copy / "eval" / "output" / "eval.json").read_text())
        assert (result["model"], result["pictures"]) == (label, 2)
        assert f"eval result, MSE: {result['whole']['mse']:.6f}" in done.out
    done = evaluated("modnet-q")
    assert done.status == 2 and "nor a released model 'modnet-q'. Did you mean `modnet-p`?" in done.out


@pytest.mark.parametrize(("number", "devices"), [("2", "0"), ("two", "0,1"), ("0", ""), ("1", "0,1")])
def test_devices_that_do_not_add_up(copy, tiny_config, number, devices):
    done = run_script(copy, DISTRIBUTED, tiny_config, number, devices)
    assert done.status == 2 and re.match(r"error: DEVICE(S|_NUM) must", done.err)


def test_the_link_and_the_log_are_there_when_a_short_run_ends(copy, tmp_path):
    """Whatever the foreground command said stands in its log, and the link is set before the script returns."""
    program = (
        f'source "{copy}/scripts/common.sh"; new_run short; launch "$RUN/short.log" "MSE" '
        "bash -c 'echo MSE 0.1; echo $0 words' last; echo not reached"
    )
    done = run_program("bash", "-c", program, FOREGROUND="1")
    assert (done.status, done.out) == (0, "MSE 0.1\nlast words\n")
    assert (copy / "short" / "short.log").read_text() == done.out


@pytest.mark.slow
@pytest.mark.parametrize(("script", "link"), [(TRAIN, "train"), (EVAL, "eval"), ("run_prune_gpu.sh", "prune")])
def test_a_start_that_fails_leaves_the_link_at_the_run_in_progress(tmp_path, script, link, narrow_ckpt):
    copy, config = checkout(tmp_path / "copy"), write_yaml(tmp_path / "bad.yml", {"epoch_sise": 1})
    (copy / link).symlink_to(tmp_path)
    model = (narrow_ckpt,) if link != "train" else ()
    for environment in ({"FOREGROUND": "1"}, {}):
        done = run_script(copy, script, config, *model, 0, **environment)
        assert done.status == 2 and "Did you mean `epoch_size`?" in done.out + done.err
        assert (copy / link).resolve() == tmp_path
    assert [len(os.listdir(run)) for run in (copy / "runs").iterdir()] == [1, 1]  # the log


def interrupt(copy: Path, config: Path, **environment: str) -> subprocess.Popen[str]:
    """A training under way in a process group of its own."""
    process = subprocess.Popen(
        ["bash", copy / "scripts" / TRAIN, config, "0", "--epoch_size", "500", "--val_interval", "0"],
        cwd=copy, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True,
        env=os.environ | {"PYTHON": sys.executable} | environment,
    )  # fmt: skip
    return process


@pytest.mark.slow
def test_ctrl_c_in_the_foreground(tmp_path, tiny_config):
    """A terminal sends SIGINT to all processes of the group, `tee` and the data workers among them."""
    config = yaml.safe_load(tiny_config.read_text())
    config["train_dataset"]["workers"] = 2
    process = interrupt(checkout(tmp_path / "copy"), write_yaml(tmp_path / "two.yml", config), FOREGROUND="1")
    said = iter(process.stdout.readline, "")
    assert any("[TRAIN]" in line for line in said)
    os.killpg(process.pid, signal.SIGINT)
    rest = process.stdout.read()
    assert process.wait(60) == 130
    assert "SIGINT received: saving after this step" in rest and "error: stopped by SIGINT; continue with" in rest
    run = (tmp_path / "copy" / "train").resolve()
    assert (run / "train.log").read_text().endswith(rest) and (run / "output" / "ckpt" / "MODNet_last.ckpt").exists()


@pytest.mark.slow
def test_sigint_to_a_training_in_the_background(tmp_path, tiny_config):
    process = interrupt(checkout(tmp_path / "copy"), tiny_config)
    said, _ = process.communicate(timeout=120)
    pid = int(re.match(r"PID (\d+), log ", said)[1])
    assert process.returncode == 0 and "started; watch it with: tail -f" in said
    os.kill(pid, signal.SIGINT)
    wait_for_end(pid)
    log = (tmp_path / "copy" / "train" / "train.log").read_text()
    assert log.splitlines()[-1].startswith("error: stopped by SIGINT; continue with --resume ")


@pytest.mark.slow
def test_a_start_that_fails_in_the_background_passes_its_status_on(copy, tmp_path):
    config = write_yaml(tmp_path / "bad.yml", {"epoch_sise": 1})
    done = run_script(copy, TRAIN, config, 0)
    assert done.status == 2
    assert re.match(r"PID \d+, log .*train\.log\n", done.out)
    assert "it stopped with status 2" in done.err and "Did you mean `epoch_size`?" in done.err
    assert run_script(copy, TRAIN, config, 0, FOREGROUND="1").status == 2


def test_resume_means_the_run_before_and_every_run_keeps_its_folder(copy, tiny_config, trained):
    """`--resume train` is read before the link `train` moves on; a start that fails leaves the link where it is."""
    runs = set(os.listdir(copy / "runs"))
    (copy / "train").unlink()
    (copy / "train").symlink_to(trained[0])
    done = run_script(copy, TRAIN, tiny_config, 0, "--resume", "train", "--epoch_size", 1, FOREGROUND="1")
    assert done.status == 2 and f"{trained[0]}/output/ckpt/MODNet_last.ckpt has finished its 1 epochs" in done.out
    new = set(os.listdir(copy / "runs")) - runs
    assert len(new) == 1 and runs < set(os.listdir(copy / "runs"))
    assert os.listdir(copy / "runs" / new.pop()) == ["train.log"] and (copy / "train").resolve() == trained[0]
    done = run_script(
        copy, TRAIN, tiny_config, 0, "--epoch_size", 1, f"--resume={trained[0].relative_to(copy)}", FOREGROUND="1"
    )
    assert done.status == 2 and f"{trained[0]}/output/ckpt/MODNet_last.ckpt has finished" in done.out


def test_checkpoints_of_a_training_are_found_from_where_the_user_stands(tmp_path):
    copy = checkout(tmp_path / "copy")
    (copy / "pretrained").mkdir()
    (copy / "pretrained" / "tiny.ckpt").touch()
    asked = "--teacher a.ckpt --ckpt_path=tiny --teacher=b/c.ckpt --ckpt_path tiny.ckpt --lr 1"
    program = f'source "{copy}/scripts/common.sh"; resolve_paths {asked}; echo "${{RESOLVED[@]}}"'
    done = run_program("bash", "-c", program, cwd=tmp_path)
    expected = (
        f"--teacher {tmp_path}/a.ckpt --ckpt_path=tiny --teacher={tmp_path}/b/c.ckpt --ckpt_path tiny.ckpt --lr 1\n"
    )
    assert (done.status, done.out) == (0, expected)


def test_a_folder_named_like_the_link_stays(tmp_path, tiny_config):
    copy = checkout(tmp_path / "copy")
    (copy / "train").mkdir()
    (copy / "train" / "mine").write_text("kept")
    done = run_script(copy, TRAIN, tiny_config, 0, "--epoch_size", 0, FOREGROUND="1")
    assert done.status == 2 and f"note: {copy}/train is a folder of its own and stays" in done.err
    assert os.listdir(copy / "train") == ["mine"] and len(os.listdir(copy / "runs")) == 1
