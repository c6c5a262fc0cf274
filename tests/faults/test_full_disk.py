"""Every program that writes, on a full and on a read-only disk: told in words, and no half file stays."""

import os
import random
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.faults.case import MOST_TEXT, Case, Place
from tests.support.faults.harness import Runner
from tests.support.faults.places import writers
from tests.support.faults.world import World, make_world

pytestmark = pytest.mark.slow
MOST = 1200  # bytes of a file: no image, network or checkpoint is as small
GROWS = ("train.log", "events", "metrics.csv")  # files that are written on, line by line


@pytest.fixture(scope="module")
def world(tmp_path_factory) -> World:
    return make_world(tmp_path_factory.mktemp("world"))


@pytest.fixture(scope="module")
def runner(tmp_path_factory) -> Iterator[Runner]:
    with Runner(tmp_path_factory.mktemp("runner") / "run") as runner:
        yield runner


def test_a_full_disk(world, runner, tmp_path):
    """A limit on the size of files stands in for it, which needs no rights."""
    told = {}
    for number, program in enumerate(sorted(writers(Place(random.Random(0), world, tmp_path), tmp_path))):
        folder = tmp_path / str(number)
        folder.mkdir()
        arguments = writers(Place(random.Random(0), world, folder), folder / "out")[program]
        ended = runner.run(Case("", program, tuple(map(str, arguments)), disk=MOST))
        half = [path for path in folder.rglob("*") if path.is_file() and path.stat().st_size == MOST]
        half += [path for path in folder.rglob(".*") if path.is_file() and not path.name.endswith(".begun")]
        assert [path for path in half if not path.name.startswith(GROWS)] == [], (program, ended.text)
        assert ended.status in (1, 2) and "Traceback" not in ended.text, (program, ended)
        assert "error: " in ended.text and len(ended.text) < MOST_TEXT, (program, ended)
        told[program] = ended.text
    assert len(told) == 14
    assert sum("Cannot write" in text for text in told.values()) >= 12, told


@pytest.fixture
def read_only(tmp_path) -> Iterator[Path]:
    folder = tmp_path / "read-only"
    folder.mkdir()
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", "ro,size=64k", "tmpfs", str(folder)], capture_output=True)
    if done.returncode:
        pytest.skip(f"a read-only file system cannot be mounted here: {done.stderr.decode().strip()}")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def refused_at(place: Path, world: World, runner: Runner, folder: Path) -> None:
    for program, arguments in writers(Place(random.Random(0), world, folder), place).items():
        ended = runner.run(Case("", program, tuple(map(str, arguments))))
        assert ended.status == 2 and ended.text.count("error: ") == 1, (program, ended)
        assert str(place) in ended.text and "Traceback" not in ended.text, (program, ended)


def test_a_read_only_disk(world, runner, read_only, tmp_path):
    refused_at(read_only / "out", world, runner, tmp_path)
    assert os.listdir(read_only) == []


def test_a_place_where_nobody_may_write(world, runner, tmp_path):
    """Not even root may: in /proc there are no new folders."""
    refused_at(Path("/proc/self/out"), world, runner, tmp_path)
