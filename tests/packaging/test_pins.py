"""The versions that pyproject.toml asks for are those of the requirements files, which the tests run with."""

import re
import tomllib

from tests.support.programs import ROOT

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def pins(name: str) -> dict[str, str]:
    """Package -> version of a requirements file, those of commented lines too."""
    text = (ROOT / name).read_text(encoding="utf-8")
    return dict(re.findall(r"^(?:# )?([\w.-]+)==(\S+)$", text, re.MULTILINE))


def test_extras_are_pinned_as_in_requirements():
    known = pins("requirements.txt")
    extras = [line for lines in PROJECT["optional-dependencies"].values() for line in lines]
    assert len(extras) > 5
    for line in extras:
        package, version = line.split("==")
        assert known[package] == version, line


def test_what_a_device_needs_is_pinned_as_in_requirements_edge():
    edge, known = pins("requirements-edge.txt"), pins("requirements.txt")
    assert edge.keys() <= known.keys() and all(known[name] == version for name, version in edge.items())
    assert PROJECT["dependencies"] == [
        f"numpy>={edge['numpy']},<2",
        f"opencv-python-headless=={edge['opencv-python-headless']}",
        f"Pillow=={edge['Pillow']}",
        f"simplejpeg=={edge['simplejpeg']}",
        f"isal=={edge['isal']}",
        f"onnxruntime=={edge['onnxruntime']}",
    ]


def test_everything_that_tests_need_is_pinned():
    lines = (ROOT / "requirements-dev.txt").read_text(encoding="utf-8").split("\n")
    assert [line for line in lines if line and "==" not in line] == ["-r requirements.txt"]
    assert {"mypy", "hatchling", "ruff", "pytest"} <= pins("requirements-dev.txt").keys()
