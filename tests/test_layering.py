"""Imports run one way, and what an edge device needs imports without MindSpore."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from tests.programs import ROOT

# A module may import modules of its own row and of the rows that its row lists. Training stands last because its
# validation is the same evaluation, through the same runtime, as eval.py's.
ROWS: dict[int, tuple[set[str], set[int]]] = {
    0: ({"errors", "log", "cli", "files", "memory", "signals"}, set()),
    1: (
        {
            "config",
            "config_values",
            "spec",
            "spec_mmnet",
            "spec_variants",
            "results",
            "dataset_spec",
            "cpu_ops",
            "device",
            "zoo",
        },
        {0},
    ),
    2: ({"imaging", "metrics", "mmnet_metrics", "mmnet_options", "video_metrics", "jobs"}, {0, 1}),
    3: (
        {
            "dataset",
            "pairs",
            "transforms",
            "layout",
            "backgrounds",
            "records",
            "record_writer",
            "synthetic",
            "ccp",
            "doctor",
        },
        {0, 1, 2},
    ),
    4: ({"models", "losses"}, {0, 1}),
    5: ({"averaging", "checkpoint", "weights", "weight_names", "convert", "costs"}, {0, 1, 4}),
    6: ({"runtime"}, {0, 1, 2, 4, 5}),
    7: ({"evaluation", "comparison", "inference", "offline", "npz_route", "npz_scores", "worst"}, {0, 1, 2, 3, 6}),
    8: ({"deploy"}, {0, 1, 2, 3, 4, 5, 6}),
    9: ({"training"}, {0, 1, 2, 3, 4, 5, 6, 7, 8}),
    10: ({"pruning"}, {0, 1, 2, 3, 4, 5, 6, 7, 8, 9}),
    11: ({"bench"}, {0, 1, 2, 4, 5, 6}),
    12: ({"quant"}, {0, 1, 2, 3, 6, 7, 8}),
    13: ({"release"}, set(range(13))),
}
# Finer than the rows: these know no network, whatever their row may import.
NO_NETWORK = {"src/evaluation.py", "src/runtime/base.py", "src/runtime/contract.py", "src/runtime/options.py"}
WITHOUT_MINDSPORE = [0, 1, 2, 3, 7, 11]  # and runtime.base, weights
HEAVY = (
    "mindspore",
    "torch",
    "pymatting",
    "numba",
    "matplotlib",
    "tensorboardX",
    "onnx",
    "onnxruntime",
    "openvino",
    "nncf",
)

FILES = sorted((ROOT / "src").rglob("*.py"))


def row_of(name: str) -> int:
    found = [row for row, (names, _) in ROWS.items() if name in names]
    assert len(found) == 1, f"src.{name} stands in no row: put it into one"
    return found[0]


def part_of(path: Path) -> str:
    """`models` of src/models/layers.py, `config` of src/config.py."""
    return path.relative_to(ROOT / "src").parts[0].removesuffix(".py")


def imports(path: Path) -> set[str]:
    """Full names of all modules that a file imports, wherever in it."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: imports are absolute"
            found |= {f"{node.module}.{alias.name}" for alias in node.names} if node.module == "src" else {node.module}
    return found


def ours(path: Path) -> set[str]:
    return {name.split(".")[1] for name in imports(path) if name.startswith("src.")}


@pytest.mark.parametrize("path", [p for p in FILES if p.name != "__init__.py" or p.parent.name != "src"], ids=str)
def test_a_row_imports_only_what_it_may(path):
    part = part_of(path)
    row = row_of(part)
    allowed = ROWS[row][1] | {row}
    wrong = {name for name in ours(path) if row_of(name) not in allowed}
    assert not wrong, f"row {row} may not import {wrong}"


@pytest.mark.parametrize("name", sorted(NO_NETWORK))
def test_the_scoring_of_mattes_knows_no_network(name):
    assert not ours(ROOT / name) & {"models", "losses", "checkpoint", "weights", "training", "convert"}
    assert not {module.split(".")[0] for module in imports(ROOT / name)} & set(HEAVY)


def test_programs_import_no_other_program():
    programs = sorted(ROOT.glob("*.py"))
    assert {"train.py", "eval.py", "get_init_weight.py"} <= {path.name for path in programs}
    for path in programs:
        assert not imports(path) & {other.stem for other in programs}, path


def test_what_needs_no_mindspore_imports_without_it():
    """In a process where MindSpore and the other heavy packages cannot be imported."""
    parts = set().union(*(ROWS[row][0] for row in WITHOUT_MINDSPORE))
    modules = [
        ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
        for path in FILES
        if part_of(path) in parts and path.name != "operators.py"  # the native operators are MindSpore's
    ]
    modules += [
        "src.runtime.base",
        "src.weights",
        "train",
        "eval",
        "infer",
        "prune",
        "get_init_weight",
        "benchmark",
        "quantize",
    ]
    assert len(modules) > 40
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
        assert not printed or path.name == "cli.py", f"{path}:{printed}"
