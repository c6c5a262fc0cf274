"""Exit status and error text of every command line, and the device that is not here."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from src.backend.device import select_device
from src.common.cli import run_command
from src.common.errors import DataError, DeviceError
from src.common.log import logger, setup_logging
from src.common.signals import Interrupted, collect_signals
from tests.support.programs import ROOT, Outcome, run_program


def leave(main, capsys) -> tuple[int, str]:
    with pytest.raises(SystemExit) as leaving:
        run_command(main)
    return leaving.value.code, capsys.readouterr().err


@pytest.mark.parametrize(("returned", "status"), [(None, 0), (0, 0), (1, 1)])
def test_the_status_is_what_main_returns(capsys, returned, status):
    assert leave(lambda: returned, capsys) == (status, "")


def raising(error: BaseException):
    def main() -> None:
        raise error

    return main


@pytest.mark.parametrize(
    ("error", "status", "text"),
    [
        (DataError("no images in x"), 2, "error: no images in x\n"),
        (Interrupted(15, "run"), 143, "error: stopped by SIGTERM; continue with --resume run\n"),
        (Interrupted(2, "run"), 130, "error: stopped by SIGINT; continue with --resume run\n"),
        (KeyboardInterrupt(), 130, "interrupted\n"),
    ],
)
def test_errors_of_the_user_are_one_text(capsys, error, status, text):
    assert leave(raising(error), capsys) == (status, text)


def test_a_name_that_no_file_can_have(capsys):
    with pytest.raises(SystemExit) as ended:
        run_command(lambda: Path("x" * 300).is_file())
    assert ended.value.code == 2
    assert capsys.readouterr().err == f"error: '{'x' * 199}... (302 characters) is too long for a file's name.\n"


def test_our_own_faults_keep_their_traceback():
    with pytest.raises(ZeroDivisionError):
        run_command(lambda: 1 // 0)


def test_a_reader_that_goes_away():
    program = (
        "from src.common.cli import run_command\nrun_command(lambda: [print('x' * 1000) for _ in range(10000)] and 0)"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", program], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    process.stdout.readline()
    process.stdout.close()
    assert process.wait(30) == 1 and process.stderr.read() == ""


def test_absent_devices_are_refused():
    with pytest.raises(DeviceError, match=r"The device Ascend was asked for, but MindSpore finds only .*CPU here"):
        select_device("Ascend")


def test_logging_goes_to_console_and_file_on_rank_0_and_to_the_file_alone_elsewhere(tmp_path, capsys):
    try:
        setup_logging(tmp_path / "a.log")
        setup_logging(tmp_path / "a.log")  # replaces the handlers: no line twice
        logger.info("first")
        setup_logging(tmp_path / "a.log", rank=1)
        logger.info("second")
        setup_logging(rank=1)
        logger.info("third")
    finally:
        for handler in list(logger.handlers):
            logger.removeHandler(handler)
    lines = (tmp_path / "a.log").read_text().splitlines()
    assert [line.split("] ")[1] for line in lines] == ["first", "second"]
    out = capsys.readouterr().out
    assert out.count("first") == 1 and "second" not in out and "third" not in out


def test_an_ignored_signal_stays_ignored():
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with collect_signals("stopping") as received:
            assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
            signal.getsignal(signal.SIGTERM)(signal.SIGTERM, None)
        assert received == [signal.SIGTERM] and signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, before)


def test_ctrl_c_whatever_handler_native_code_sets():
    """As MindSpore does in each step: its handler would turn SIGINT into SIGTERM; here the default would kill."""
    program = """
import ctypes, os, signal, time
from src.common.cli import run_command
from src.common.signals import collect_signals, keep_interrupts

def main():
    keep_interrupts()
    with collect_signals("stopping") as received:
        ctypes.CDLL(None).signal(signal.SIGINT, None)
        os.kill(os.getpid(), signal.SIGINT)
        while not received:
            time.sleep(0.01)
        print(received)
    os.kill(os.getpid(), signal.SIGINT)
    time.sleep(5)

run_command(main)
"""
    done = run_program(sys.executable, "-c", program)
    assert done == Outcome(130, "[2]\n", "SIGINT received: stopping\ninterrupted\n")


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_program_of_a_program_may_save_before_both_end(number, status):
    """As the training that prune-and-retrain starts; a terminal sends Ctrl-C to all of them."""
    child = """
import os, signal, time
from src.common.cli import run_command
from src.common.signals import Interrupted, collect_signals

def main():
    with collect_signals("saving") as received:
        print("ready", flush=True)
        while not received:
            time.sleep(0.01)
        time.sleep(0.3)
        print("saved", flush=True)
        raise Interrupted(received[0], "run")

run_command(main)
"""
    program = f"""
import sys
from src.common.signals import run_program
status = run_program([sys.executable, "-c", {child!r}])
print("ended", status)
sys.exit(status)
"""
    process = subprocess.Popen(
        [sys.executable, "-c", program], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        start_new_session=True,
    )  # fmt: skip
    assert process.stdout.readline() == "ready\n"
    os.killpg(process.pid, number)
    out, err = process.communicate(timeout=30)
    assert (process.returncode, out) == (status, f"saved\nended {status}\n")
    assert f"error: stopped by {number.name}; continue with --resume run" in err
