"""Every program in benchmarks/ answers --help, and says what to install where a package of its own is missing."""

import sys
from importlib import import_module

import pytest

from tests.support.programs import ROOT, run_main

FILES = sorted((ROOT / "benchmarks").glob("*.py"))
PROGRAMS = [path.stem for path in FILES if "run_command(main)" in path.read_text(encoding="utf-8")]
INSERT = "sys.path.insert(0, str(Path(__file__).resolve().parents[1]))\n"


def test_all_programs_are_found():
    assert len(PROGRAMS) >= 12 and {"cpu_ops", "loader", "mediapipe_selfie", "train_step"} <= set(PROGRAMS)


@pytest.mark.parametrize("name", PROGRAMS)
def test_help(name):
    program = import_module(f"benchmarks.{name}")
    done = run_main(program.main, "--help")
    assert done.status == 0 and "show this help message" in done.out, done.err


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_the_checkout_is_found_in_one_way(path):
    text = path.read_text(encoding="utf-8")
    assert text.count("sys.path") == text.count(INSERT) == (path.stem in PROGRAMS)
    assert "tests" not in {line.split()[1].partition(".")[0] for line in text.splitlines() if line.startswith("from ")}


@pytest.mark.parametrize(
    ("name", "package", "arguments"),
    [
        ("cpu_ops", "torch", ()),
        ("train_step", "torch", ("--batch", 1)),
        ("mediapipe_selfie", "mediapipe", ("--config", ROOT / "P3M.yml")),
    ],
)
def test_what_is_not_installed_is_one_line(monkeypatch, name, package, arguments):
    monkeypatch.setitem(sys.modules, package, None)
    text = run_main(import_module(f"benchmarks.{name}").main, *arguments).assert_refused()
    assert f"needs {package}, which is not installed. Run: " in text and len(text.splitlines()) == 1
