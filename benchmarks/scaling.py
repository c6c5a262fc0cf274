"""Does the cost of a training step grow in line with its work, and does memory stay where it is?

python benchmarks/scaling.py --picture docs/step_scaling.png --json scaling.json

Times our step of the dense network (median of a few) for batches and sizes that fit into memory, then takes 500
steps of 4 x 256 x 256 and notes the process's memory on the way; draws both.
"""

import argparse
import os
import sys
from pathlib import Path
from statistics import median
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.train_step import Worker
from src.bench.report import machine, table, write_json
from src.common.cli import run_command
from src.common.files import whole_file

BATCHES, SIZES = (1, 2, 4, 8), (128, 256, 384, 512)
MOST_PIXELS = 8 * 384 * 384  # some 8 GB
LONG = {"batch": 4, "size": 256}


def timed(case: dict[str, Any], steps: int) -> float:
    """Median seconds of a step."""
    worker = Worker("ours", case)
    try:
        worker.ask(2)
        return median(worker.ask(steps)["seconds"])
    finally:
        worker.process.kill()


def memory(case: dict[str, Any], steps: int, every: int) -> list[tuple[int, float]]:
    """(steps done, MB in memory) after the first steps and then every so many."""
    worker = Worker("ours", case)
    try:
        marks = [(every, worker.ask(every)["rss_mb"])]
        while marks[-1][0] < steps:
            marks.append((marks[-1][0] + every, worker.ask(every)["rss_mb"]))
        return marks
    finally:
        worker.process.kill()


def draw(path: Path, times: dict[tuple[int, int], float], marks: list[tuple[int, float]], about: str) -> None:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(11, 4.2), layout="constrained")
    FigureCanvasAgg(figure)
    left, right = figure.subplots(1, 2)
    for batch in BATCHES:
        points = sorted((b * s * s / 1e6, t) for (b, s), t in times.items() if b == batch)
        left.plot(*zip(*points, strict=True), marker="o", label=f"batch {batch}")
    left.set(xlabel="megapixels a step", ylabel="seconds a step", xlim=(0, None), ylim=(0, None), title=about)
    left.legend()
    right.plot(*zip(*marks, strict=True), marker=".")
    right.set(xlabel="steps", ylabel="MB in memory", ylim=(0, 1.2 * max(mb for _, mb in marks)), title="4 x 256 x 256")
    for axes in (left, right):
        axes.grid(alpha=0.3)
    with whole_file(path) as temporary:
        figure.savefig(temporary, dpi=100)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)), help="default: one for each core")
    parser.add_argument("--steps", type=int, default=7, help="steps that are timed in each case")
    parser.add_argument("--long", type=int, default=500, help="steps of the memory run")
    parser.add_argument("--picture", type=Path, help="draw the result to this file")
    parser.add_argument("--json", type=Path, help="write the result to this file")
    args, facts = parser.parse_args(), machine()
    base = {"network": "dense", "threads": args.threads}
    cases = [(b, s) for s in SIZES for b in BATCHES if b * s * s <= MOST_PIXELS]
    times = {(b, s): timed(base | {"batch": b, "size": s}, args.steps) for b, s in cases}
    rows = [[f"{b} x {s} x {s}", f"{1e3 * t:.0f}", f"{1e9 * t / (b * s * s):.0f}"] for (b, s), t in times.items()]
    print(table(["batch and size", "ms a step", "ns a pixel"], rows), flush=True)
    marks = memory(base | LONG, args.long, max(1, args.long // 20))
    print("\n" + table(["steps", "MB"], [[str(step), f"{mb:.0f}"] for step, mb in marks]))
    if args.picture:
        draw(args.picture, times, marks, f"{facts['cpu']}, {args.threads} threads")
    seconds = [{"batch": b, "size": s, "seconds": t} for (b, s), t in times.items()]
    write_json(args.json, {"machine": facts, "threads": args.threads, "steps": seconds, "memory_mb": marks})


if __name__ == "__main__":
    run_command(main)
