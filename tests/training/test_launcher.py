"""The processes of a run begin, are watched and end together; small programs stand for the training."""

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from src.common.errors import ConfigError
from src.training.cluster import Cluster, find_cluster, reserve_port
from tests.support.programs import ROOT, run_program

# The scheduler ends when both ranks have; a rank says who it is, starts a worker of its own and does {work}.
PROGRAM = """
import os, pathlib, signal, subprocess, sys, time
here, rank = pathlib.Path(sys.argv[1]), os.environ["RANK_ID"]
if os.environ["MS_ROLE"] == "MS_SCHED":
    while len(list(here.glob("done*"))) < 2:
        time.sleep(0.05)
    sys.exit(0)
worker = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(300)", str(here)])
print("rank", rank, "of", os.environ["MS_WORKER_NUM"], "device", os.environ["DEVICE_ID"], flush=True)

def save(*_):
    (here / "output" / "ckpt").mkdir(parents=True)
    (here / "output" / "ckpt" / "MODNet_last.ckpt").touch()
    print("saved", flush=True)
    worker.kill()
    sys.exit(143)

if rank == "0":
    signal.signal(signal.SIGTERM, save)
{work}
worker.kill()
(here / ("done" + rank)).touch()
"""
FOR_EVER = "time.sleep(300)"


def command(folder: Path, work: str) -> list[str]:
    program = folder / "program.py"
    program.write_text(PROGRAM.replace("{work}", work))
    return [sys.executable, "-m", "src.programs", "launch", "--run", str(folder), "2", "3,5", str(program), str(folder),
            "--output_path", str(folder / "output")]  # fmt: skip


def members(folder: Path) -> list[int]:
    """Processes of this machine whose command line names the folder."""
    found = []
    for path in Path("/proc").glob("[0-9]*"):
        try:
            line, state = (path / "cmdline").read_bytes(), (path / "stat").read_text().rpartition(")")[2].split()[0]
        except OSError:
            continue
        if str(folder).encode() in line and state != "Z":
            found.append(int(path.name))
    return found


def wait_for(condition: Callable[[], object], seconds: float = 20) -> None:
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until, f"not within {seconds} s"
        time.sleep(0.05)


class Running:
    """A launcher under way, both of whose ranks have spoken."""

    def __init__(self, folder: Path, work: str = FOR_EVER) -> None:
        self.folder, self.log = folder, folder / "said"
        with self.log.open("wb") as file:
            self.process = subprocess.Popen(command(folder, work), cwd=ROOT, stdout=file, stderr=file)
        wait_for(lambda: all(self.rank_log(rank) for rank in (0, 1)))
        wait_for(lambda: "rank 0 of 2" in self.said())

    def rank_log(self, rank: int) -> str:
        path = self.folder / "log" / f"worker_{rank}.log"
        return path.read_text() if path.exists() else ""

    def rank_pid(self, rank: int) -> int:
        for pid in members(self.folder):
            environment = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
            started = b"program.py" in Path(f"/proc/{pid}/cmdline").read_bytes()
            if started and {b"MS_ROLE=MS_WORKER", b"RANK_ID=%d" % rank} <= set(environment):
                return pid
        raise AssertionError(f"no rank {rank}")

    def said(self) -> str:
        return self.log.read_text()

    def end(self, seconds: float = 30) -> int:
        """The launcher's status; nothing of the run is left."""
        status = self.process.wait(seconds)
        wait_for(lambda: not members(self.folder))
        return status


def test_all_processes_know_their_place_and_the_first_ones_words_are_shown(tmp_path):
    done = run_program(*command(tmp_path, "pass"))
    assert done.status == 0, done.out + done.err
    assert "rank 0 of 2 device 0\n" in done.out and "rank 1" not in done.out
    assert (tmp_path / "log" / "worker_1.log").read_text() == "rank 1 of 2 device 1\n"
    assert re.search(r"2 processes of 2, meeting at 127\.0\.0\.1:\d+", done.out)
    assert not members(tmp_path)


@pytest.mark.parametrize(("number", "status"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_signal_to_the_launcher_lets_rank_0_save_and_ends_all(tmp_path, number, status):
    run = Running(tmp_path)
    run.process.send_signal(number)
    assert run.end() == status
    assert "saved" in run.said() and "saved" not in run.rank_log(1)
    assert f"[ERROR] stopped by {number.name}. Go on with --resume {tmp_path}/output" in run.said()


def test_a_killed_launcher_leaves_no_process_and_rank_0_saves(tmp_path):
    run = Running(tmp_path)
    run.process.kill()
    assert run.end() == -9
    wait_for(lambda: "the launcher was killed. Go on with" in run.said())
    assert "saved" in run.rank_log(0)


@pytest.mark.parametrize(("rank", "status"), [(1, 137), (0, 137)])
def test_a_killed_rank_ends_all_and_is_named(tmp_path, rank, status):
    run = Running(tmp_path)
    os.kill(run.rank_pid(rank), signal.SIGKILL)
    assert run.end() == status
    after = f"Go on with --resume {tmp_path}/output" if rank else "Nothing was saved yet: start anew."
    assert f"[ERROR] rank {rank} was ended by SIGKILL. {after}" in run.said()


@pytest.mark.slow
def test_a_rank_0_that_hangs_is_killed(tmp_path):
    """As in a step that waits for a rank which is no more."""
    run = Running(tmp_path, f"signal.signal(signal.SIGTERM, signal.SIG_IGN)\n{FOR_EVER}")
    os.kill(run.rank_pid(1), signal.SIGKILL)
    assert run.end(30) == 137
    assert "rank 0 did not end within 15 s of SIGTERM: it is killed" in run.said()


def test_a_rank_that_fails_shows_its_last_words(tmp_path):
    run = Running(tmp_path, f"if rank == '1':\n    print('no such card', flush=True)\n    sys.exit(3)\n{FOR_EVER}")
    assert run.end() == 3
    assert "rank 1: no such card" in run.said() and "rank 1 ended with status 3 (its log: " in run.said()


def test_a_mistake_that_all_ranks_report_is_shown_once(tmp_path):
    done = run_program(*command(tmp_path, "sys.exit('error: batch too large')"))
    assert done.status == 1 and done.out.count("batch too large") == 1
    assert "rank 0 ended with status 1. Nothing was saved yet" in done.out


def test_a_free_port_unless_one_is_named():
    one, other = (find_cluster("2", "0,1", {}) for _ in range(2))
    assert one.port != other.port and min(one.port, other.port) >= 1024
    assert (one.address, one.size, one.ranks) == ("127.0.0.1", 2, range(2))
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        held.listen()
        port = held.getsockname()[1]
        with pytest.raises(ConfigError, match=rf"MASTER_PORT {port} at 127\.0\.0\.1 is taken"):
            find_cluster("2", "0,1", {"MASTER_PORT": str(port)})
    assert find_cluster("2", "0,1", {"MASTER_PORT": str(port)}).port == port


def test_two_runs_that_start_at_once_cannot_have_one_port():
    """Neither has a scheduler that listens yet."""
    cluster = find_cluster("1", "0", {})
    taken = pytest.raises(ConfigError, match=rf"MASTER_PORT {cluster.port} .* is taken")
    with reserve_port(cluster), taken, reserve_port(cluster):
        pass
    with reserve_port(cluster):
        pass


def test_several_machines():
    """The second of two: its ranks follow those of the first, whose port it cannot try."""
    cluster = find_cluster("2", "0,1", {"NNODES": "2", "NODE_RANK": "1", "MASTER_ADDR": "head"})
    assert cluster == Cluster(("0", "1"), 2, 1, "head", 8118)
    assert (cluster.size, cluster.ranks) == (4, range(2, 4))


@pytest.mark.parametrize(
    ("environment", "message"),
    [
        ({"MASTER_PORT": "http"}, "MASTER_PORT must be a number from 1024 to 65535, got 'http'"),
        ({"MASTER_PORT": "80"}, "MASTER_PORT must be a number from 1024 to 65535, got '80'"),
        ({"NNODES": "0"}, "NNODES must be"),
        ({"NNODES": "2", "NODE_RANK": "2"}, "NODE_RANK must be a number from 0 to 1, got '2'"),
        ({"MASTER_ADDR": "192.0.2.1"}, "Cannot listen at MASTER_ADDR 192.0.2.1: .* NODE_RANK is 0"),
    ],
)
def test_places_that_cannot_be(environment, message):
    with pytest.raises(ConfigError, match=message):
        find_cluster("2", "0,1", environment)


@pytest.mark.parametrize(("number", "devices"), [("2", "0"), ("two", "0,1"), ("0", ""), ("1", "0,1")])
def test_devices_that_do_not_add_up(number, devices):
    with pytest.raises(ConfigError, match=r"DEVICE(S|_NUM) must"):
        find_cluster(number, devices, {})
