"""Imports run one way, and what an edge device needs imports without MindSpore."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.programs import ROOT

# A package may import itself and those that stand before it. CONTRIBUTING.md says what each is for.
ORDER = (
    "common", "spec", "config", "imaging", "metrics", "model_file", "backend", "models", "losses", "checkpoint", "data",
    "runtime", "evaluation", "inference", "deploy", "training", "bench", "quant", "pruning", "release", "serve",
    "programs",
)  # fmt: skip
SOURCE = ROOT / "src"
FILES = sorted(SOURCE.rglob("*.py"))
# Packages and modules that a device without MindSpore uses; of `runtime` and `backend` those that name no framework.
EDGE = ("common", "spec", "config", "imaging", "metrics", "model_file", "data", "evaluation", "inference", "bench")
EDGE_MODULES = (
    "runtime.base", "runtime.contract", "runtime.factory", "runtime.flip", "runtime.options", "backend.environment",
    "backend.device", "checkpoint.conversion", "runtime.onnx_runtime", "runtime.openvino_runtime",
)  # fmt: skip
HEAVY = ("mindspore", "torch", "pymatting", "numba", "matplotlib", "tensorboardX", "onnx", "onnxruntime", "openvino",
         "nncf", "yaml")  # fmt: skip
COMMAND_LINE_PARTS = ("options.py", "cli.py")  # the only files below `programs` that know of command lines


def package_of(path: Path) -> str:
    return path.relative_to(SOURCE).parts[0]


def module_name(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def imported(path: Path) -> Iterator[str]:
    """Full names of all modules that a file of `src` imports, wherever in it; ours begin with `src.`."""
    here = path.relative_to(ROOT).parts[:-1]
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level:
            base = [*here[: len(here) - node.level + 1], *(node.module.split(".") if node.module else [])]
            yield from (".".join([*base, alias.name]) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield str(node.module)


def test_every_package_stands_in_the_order_and_nothing_is_loose():
    assert {path.name for path in SOURCE.glob("*.py")} <= {"__init__.py", "api.py"}
    assert {path.name for path in SOURCE.iterdir() if path.is_dir() and path.name != "__pycache__"} == set(ORDER)


@pytest.mark.parametrize("package", ORDER)
def test_a_package_imports_only_those_before_it(package: str):
    allowed = set(ORDER[: ORDER.index(package) + 1])
    for path in (SOURCE / package).rglob("*.py"):
        ours = {name.split(".")[1] for name in imported(path) if name.startswith("src.")} - {"__version__"}
        assert not ours - allowed, f"{path}: {package} may not import {ours - allowed}"


def test_imports_of_ours_are_relative():
    """The same files are the package `modnet_mindspore` where they are installed."""
    for path in FILES:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and not node.level:
                assert not (node.module or "").startswith("src"), f"{path}:{node.lineno}"


def test_every_package_says_what_it_is():
    for package in ORDER:
        text = ast.get_docstring(ast.parse((SOURCE / package / "__init__.py").read_text(encoding="utf-8")))
        assert text and len(text.split()) >= 15, package


def test_programs_import_no_other_program():
    for path in (SOURCE / "programs").glob("*.py"):
        programs = {name for name in imported(path) if name.startswith("src.programs.")}
        assert path.name == "__main__.py" or not programs, f"{path}: {programs}"


def test_the_files_that_users_start_only_call_a_program():
    started = [*ROOT.glob("*.py"), *(ROOT / "scripts").glob("*.py"), *(ROOT / "data").glob("*.py"),
               *(ROOT / "offline_infer").glob("*.py")]  # fmt: skip
    assert {"train.py", "eval.py", "get_init_weight.py"} <= {path.name for path in started}
    for path in started:
        text = path.read_text(encoding="utf-8")
        assert len(text.splitlines()) <= 12, path
        assert text.count("sys.path") <= 1, path
        assert "from src.programs import run" in text, path


@pytest.mark.parametrize("package", [name for name in ORDER if name != "programs"])
def test_domain_packages_know_no_command_line(package: str):
    for path in (SOURCE / package).rglob("*.py"):
        if path.name not in COMMAND_LINE_PARTS:
            assert "argparse" not in set(imported(path)), path


def test_what_an_edge_device_needs_imports_without_mindspore():
    """In a process where MindSpore and the other heavy packages, PyYAML too, cannot be imported."""
    modules = [module_name(path) for path in FILES if package_of(path) in (*EDGE, "programs")]
    modules = [name for name in modules if not name.endswith("__main__")]
    modules += [f"src.{name}" for name in EDGE_MODULES if (SOURCE / f"{name.replace('.', '/')}.py").exists()]
    assert len(modules) > 90
    program = f"""
import importlib, sys
for name in {HEAVY!r}:
    sys.modules[name] = None
for name in {modules!r}:
    importlib.import_module(name)
"""
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_print_is_for_programs():
    for path in FILES:
        calls = [node for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))) if isinstance(node, ast.Call)]
        printed = [node.lineno for node in calls if isinstance(node.func, ast.Name) and node.func.id == "print"]
        assert not printed or path.name == "cli.py" or package_of(path) == "programs", f"{path}:{printed}"
