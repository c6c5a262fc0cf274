"""What every benchmark writes: the machine, a table, and JSON."""

import csv
import io
import json
import os
import platform
from pathlib import Path
from typing import Any

from ..common.files import write_text


def machine() -> dict[str, Any]:
    """CPU name, usable cores, and the load before the benchmark began (processes that wait for a core)."""
    load = os.getloadavg()[0]
    return {"cpu": _cpu_name(), "cores": len(os.sched_getaffinity(0)), "load": round(load, 1)}


def show_machine(facts: dict[str, Any]) -> str:
    """What `machine` found, in one line."""
    return f"{facts['cpu']}, {facts['cores']} cores (load {facts['load']})"


def _cpu_name() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor()
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor()


def table(head: list[str], rows: list[list[str]]) -> str:
    """A Markdown table: the first column flush left, all others flush right."""
    widths = [max(map(len, column)) for column in zip(head, *rows, strict=True)]
    rule = ["-" * widths[0], *("-" * (width - 1) + ":" for width in widths[1:])]
    return "\n".join(_line(cells, widths) for cells in [head, rule, *rows])


def _line(cells: list[str], widths: list[int]) -> str:
    first, *rest = zip(cells, widths, strict=True)
    return " | ".join(["| " + first[0].ljust(first[1]), *(cell.rjust(width) for cell, width in rest)]) + " |"


def write_table(path: Path | None, head: list[str], rows: list[list[str]]) -> None:
    """Write a table as .csv or .md, whichever `path` ends in; None writes none."""
    if path is None:
        return
    text = io.StringIO()
    if path.suffix == ".csv":
        csv.writer(text, lineterminator="\n").writerows([head, *rows])
    else:
        text.write(table(head, rows) + "\n")
    write_text(path, text.getvalue())


def write_json(path: Path | None, values: dict[str, Any]) -> None:
    """Write values as JSON; None writes nothing."""
    if path is not None:
        write_text(path, json.dumps(values, indent=1) + "\n")
