"""Building the native CPU operators, and the environment that goes with each of the two paths."""

import logging
import os
import shutil
import stat
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import mindspore
import pytest

from src.backend import cpu_ops, environment
from src.backend.cpu_ops import build
from src.common.log import logger
from tests.support.programs import ROOT

NAMES = ("MS_DEV_HOST_BLOCKING_RUN", "OMP_WAIT_POLICY", "ONEDNN_MAX_CPU_ISA", "OMP_NUM_THREADS", "MODNET_CPU_THREADS")
MSRUN_NAMES = ("MS_WORKER_NUM", "NNODES", "MSRUN_CPU_LIST")


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch):
    """Sets what the machine is: native operators, AVX-512, an accelerator; the variables start unset."""
    for name in (*NAMES, *MSRUN_NAMES):
        monkeypatch.setenv(name, "")  # so that what the code under test sets is undone after the test
        monkeypatch.delenv(name)

    def describe(native: bool, avx512: bool = True, accelerator: bool = False) -> None:
        monkeypatch.setattr(cpu_ops, "available", lambda: native)
        monkeypatch.setattr(environment, "_has_avx512", lambda: avx512)
        monkeypatch.setattr(environment, "_accelerator", lambda: accelerator)

    return describe


def found() -> dict[str, str]:
    return {name: os.environ[name] for name in NAMES if name in os.environ}


WAIT = {"MS_DEV_HOST_BLOCKING_RUN": "1", "OMP_WAIT_POLICY": "passive"}


def test_native_operators_keep_avx512(machine):
    machine(native=True)
    message = environment.prepare_environment("CPU")
    assert found() == WAIT
    assert message == "CPU: native operators; set MS_DEV_HOST_BLOCKING_RUN=1; set OMP_WAIT_POLICY=passive"


@pytest.mark.parametrize(("avx512", "cure"), [(True, {"ONEDNN_MAX_CPU_ISA": "AVX2"}), (False, {})])
def test_portable_operators_are_cured_only_where_it_helps(machine, avx512: bool, cure: dict[str, str]):
    machine(native=False, avx512=avx512)
    assert "MindSpore's own operators" in environment.prepare_environment("auto")
    assert found() == WAIT | cure


@pytest.mark.parametrize(("target", "accelerator"), [("GPU", False), ("Ascend", False), ("auto", True)])
def test_nothing_is_set_for_accelerators(machine, target: str, accelerator: bool):
    machine(native=True, accelerator=accelerator)
    assert environment.prepare_environment(target) == ""
    assert found() == {}


def test_the_users_values_stay_and_are_named(machine, monkeypatch: pytest.MonkeyPatch):
    machine(native=False)
    monkeypatch.setenv("ONEDNN_MAX_CPU_ISA", "SSE41")
    message = environment.prepare_environment("CPU")
    assert os.environ["ONEDNN_MAX_CPU_ISA"] == "SSE41"
    assert "left ONEDNN_MAX_CPU_ISA=SSE41 as you set it" in message


def test_the_users_number_of_threads_is_handed_on(machine, monkeypatch: pytest.MonkeyPatch):
    machine(native=True)
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    environment.prepare_environment("CPU")
    assert os.environ["MODNET_CPU_THREADS"] == "3"


@pytest.mark.parametrize(
    ("variables", "threads"),
    [
        ({"MS_WORKER_NUM": "2"}, "4"),
        ({"MS_WORKER_NUM": "16"}, "1"),
        ({"MS_WORKER_NUM": "4", "NNODES": "2"}, "4"),
        ({"MS_WORKER_NUM": "2", "OMP_NUM_THREADS": "3"}, "3"),
        ({"MS_WORKER_NUM": "1"}, None),
        ({"MS_WORKER_NUM": "2", "MSRUN_CPU_LIST": "[0, 1]"}, None),
    ],
)
def test_processes_of_one_machine_share_its_cores(machine, monkeypatch, variables: dict[str, str], threads: str | None):
    machine(native=True)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(8)))
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    environment.prepare_environment("CPU")
    assert os.environ.get("MODNET_CPU_THREADS") == threads


def test_a_second_call_changes_nothing(machine):
    machine(native=False)
    environment.prepare_environment("CPU")
    before = found()
    assert "set" not in environment.prepare_environment("CPU")
    assert found() == before


@pytest.fixture
def fake_build(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture):
    """Builds into tmp_path with the given compiler script; returns the path or None and the log's text."""
    monkeypatch.setenv(build.CACHE_VARIABLE, str(tmp_path / "build"))
    monkeypatch.setattr(build, "onednn_library", lambda: Path(__file__))
    monkeypatch.setattr(logger, "propagate", True)
    caplog.set_level(logging.INFO, logger.name)

    def run(script: str | None, version: int = 1) -> tuple[Path | None, str]:
        compiler = tmp_path / "compiler"
        compiler.unlink(missing_ok=True)
        if script is not None:
            compiler.write_text(f"#!/bin/sh\n[ $1 = --version ] && {{ echo {version}; exit; }}\n{script}\n")
            compiler.chmod(compiler.stat().st_mode | stat.S_IXUSR)
        monkeypatch.setenv("CXX", str(compiler))
        caplog.clear()
        return build.build(), caplog.text

    return run


WRITE_OUTPUT = 'while [ "$1" != -o ]; do shift; done; echo library > "$2"'


def test_build_happens_once_and_needs_no_compiler_later(fake_build, tmp_path: Path):
    path, log = fake_build(WRITE_OUTPUT)
    assert path.read_text() == "library\n"
    assert "built" in log
    assert fake_build(None) == (path, "")
    assert [p.name for p in path.parent.iterdir()] == [build.LIBRARY]


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        (None, "there is no C++ compiler"),
        ("echo 'x.cpp: note: hm' >&2; echo 'x.cpp:1: error: no such thing' >&2; exit 1", "error: no such thing"),
    ],
    ids=["no compiler", "compiler fails"],
)
def test_without_a_library_there_is_one_line_and_nothing_else(fake_build, tmp_path: Path, script, reason: str):
    path, log = fake_build(script)
    lines = [line for line in log.splitlines() if "about 10 s" not in line]
    assert path is None
    assert len(lines) == 1
    assert reason in lines[0] and "about three times as long" in lines[0]
    assert list((tmp_path / "build").rglob("*.so")) == []


@pytest.mark.parametrize("place", ["file", "read-only", "no home"])
def test_without_a_cache_there_is_one_line_and_no_compiler_runs(fake_build, tmp_path: Path, monkeypatch, place: str):
    cache = tmp_path / "cache"
    cache.write_text("")
    monkeypatch.setenv(build.CACHE_VARIABLE, str(cache))
    if place == "read-only":  # not by its mode, which stops no superuser

        def refuse(path: Path, **_: object) -> None:
            raise OSError(30, "Read-only file system", str(path))

        monkeypatch.setattr(Path, "mkdir", refuse)
    if place == "no home":
        monkeypatch.delenv(build.CACHE_VARIABLE)
        monkeypatch.setattr(build, "cache_folder", lambda: None)
    path, log = fake_build(f"touch {tmp_path}/ran; exit 1")
    assert path is None
    assert log.count("\n") == 1
    assert build.CACHE_VARIABLE in log and "about three times as long" in log
    assert {"file": "Not a directory", "read-only": "Read-only file", "no home": "no home folder"}[place] in log
    assert not (tmp_path / "ran").exists()


def test_two_that_build_at_once_make_one_library_and_sweep_what_was_broken_off(fake_build, tmp_path: Path):
    path = fake_build(WRITE_OUTPUT)[0]
    path.unlink()
    path.with_name(f".1-{build.LIBRARY}").write_text("half")
    script = f"echo >> {tmp_path}/runs; sleep 0.5; {WRITE_OUTPUT}"
    with ThreadPoolExecutor(1) as pool:
        other = pool.submit(fake_build, script)
        while not (tmp_path / "runs").exists():
            time.sleep(0.01)
        assert build.build() == other.result()[0] == path
    assert (tmp_path / "runs").read_text().count("\n") == 1
    assert [p.name for p in path.parent.iterdir()] == [build.LIBRARY]


def test_another_compiler_builds_its_own_and_a_failing_one_takes_what_is_there(fake_build):
    first, second = fake_build(WRITE_OUTPUT)[0], fake_build(WRITE_OUTPUT, version=2)[0]
    assert first != second and first.exists()
    assert fake_build("exit 1", version=3)[0] in (first, second)


def test_checkouts_and_environments_share_the_library(fake_build, tmp_path: Path):
    """A copy of the sources, with the wheel reached by another path, finds the library that the checkout built."""
    fake_build(WRITE_OUTPUT)
    wheel = Path(mindspore.__file__).parent
    site, copy = tmp_path / "site", tmp_path / "copy"
    site.mkdir()
    for part in (wheel, *wheel.parent.glob("mindspore-*.dist-info")):
        (site / part.name).symlink_to(part)
    for part in ("common", "backend"):
        shutil.copytree(ROOT / "src" / part, copy / "src" / part)
    code = (
        "from src.backend.cpu_ops.build import __file__ as here, build, onednn_library\n"
        "print(here, onednn_library(), build(), sep='\\n')"
    )
    said = []
    for folder, path in ((ROOT, ""), (copy, str(site))):
        environment = {**os.environ, "PYTHONPATH": path}
        done = subprocess.run(
            [sys.executable, "-c", code], cwd=folder, env=environment, check=True, capture_output=True, text=True
        )
        said.append(done.stdout.splitlines())
    (here, onednn, library), (other_here, other_onednn, other_library) = said
    assert here != other_here and onednn != other_onednn
    assert library == other_library and library.startswith(str(tmp_path / "build"))


def test_sources_decide_where_the_library_lies(fake_build, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    first = fake_build(WRITE_OUTPUT)[0]
    sources = tmp_path / "native"
    sources.mkdir()
    (sources / "other.cpp").write_text("int x;")
    monkeypatch.setattr(build, "_SOURCES", sources)
    assert build.built_library() is None
    second = fake_build(WRITE_OUTPUT)[0]
    assert second != first and first.exists()


def test_a_broken_library_is_said_and_not_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog):
    broken = tmp_path / "broken.so"
    broken.write_text("no library")
    monkeypatch.setattr(build, "build", lambda: broken)
    monkeypatch.setattr(logger, "propagate", True)
    assert cpu_ops.library_path.__wrapped__() is None
    assert "does not load" in caplog.text


def test_the_user_can_switch_the_operators_off(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("MODNET_CPU_OPS", "0")
    assert not cpu_ops.available()
