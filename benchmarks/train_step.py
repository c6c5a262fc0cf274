"""Time and memory of one training step, against the PyTorch transcription that the golden tests use.

python benchmarks/train_step.py                                     all cases
python benchmarks/train_step.py --batch 4 --size 256 --json F       one case, also written to F

Both sides get the same weights, batch, losses, optimiser (SGD with momentum) and number of threads, each in a process
of its own. They take turns, a few steps at a time, so that whatever else the machine does meets both; medians count.
A first step whose losses differ between the two is an error. Processor time a step is printed beside the clock's:
it hardly changes when other programs use the cores.
"""

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path
from statistics import median
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.packages import TORCH, need
from src.bench.report import machine, table, write_json
from src.bench.turns import in_turns
from src.common.cli import run_command
from src.common.errors import TrainingError

WORKER = Path(__file__).with_name("train_step_worker.py")
SIDES = ("ours", "pytorch")
CASES = [(4, 256), (2, 512), (16, 512)]
NETWORKS = ("dense", "pruned")
LOSS_TOLERANCE = 1e-3
MEGABYTES_A_PIXEL = 7e-3  # both processes together, dense network, measured at 4 x 256 x 256 and 2 x 512 x 512


class Worker:
    """One side's process; it sleeps until it is asked for steps."""

    def __init__(self, side: str, case: dict[str, Any]) -> None:
        environment = {**os.environ, "OMP_NUM_THREADS": str(case["threads"])}
        self.process = subprocess.Popen(
            [sys.executable, str(WORKER), side, json.dumps(case)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=environment,
        )

    def ask(self, steps: int) -> dict[str, Any]:
        """Run steps; with 0 steps, end and report the peak memory."""
        self.process.stdin.write(f"{steps}\n")
        self.process.stdin.flush()
        for line in self.process.stdout:
            if line.startswith("RESULT "):
                return json.loads(line.removeprefix("RESULT "))
        raise TrainingError(f"The {WORKER.name} process ended with status {self.process.wait()}; its message is above.")


def measure(batch: int, size: int, network: str, threads: int, steps: int, rounds: int) -> dict[str, Any]:
    """Medians of both sides, their ratios (ours / PyTorch's), and what they were measured on."""
    case = {"batch": batch, "size": size, "network": network, "threads": threads}
    workers = {side: Worker(side, case) for side in SIDES}
    try:
        first = {side: worker.ask(1) for side, worker in workers.items()}
        check_losses(first)
        for worker in workers.values():
            worker.ask(2)  # caches and memory pools settle
        runs = {side: [] for side in SIDES}
        for side in in_turns(SIDES, rounds):
            runs[side].append(workers[side].ask(steps))
        peaks = {side: worker.ask(0) for side, worker in workers.items()}
    finally:
        for worker in workers.values():
            worker.process.kill()
    result = {side: summary(first[side], runs[side], peaks[side]) for side in SIDES}
    ours, theirs = result["ours"], result["pytorch"]
    ratios = {
        "ratio": ours["step_s"] / theirs["step_s"],
        "cpu_ratio": ours["cpu_s"] / theirs["cpu_s"],
        "memory_ratio": ours["peak_mb"] / theirs["peak_mb"],
    }
    return {**case, **{name: round(value, 3) for name, value in ratios.items()}, **result, "machine": machine()}


def check_losses(first: dict[str, dict[str, Any]]) -> None:
    ours, theirs = (first[side]["losses"] for side in SIDES)
    if any(abs(a - b) > LOSS_TOLERANCE * abs(b) for a, b in zip(ours, theirs, strict=True)):
        raise TrainingError(f"The first step's losses differ: {ours} here, {theirs} in PyTorch. Nothing was measured.")


def summary(first: dict[str, Any], runs: list[dict[str, Any]], peak: dict[str, Any]) -> dict[str, Any]:
    seconds = [s for run in runs for s in run["seconds"]]
    return {
        "step_s": round(median(seconds), 4),
        "fastest_s": round(min(seconds), 4),
        "cpu_s": round(median(s for run in runs for s in run["cpu_seconds"]), 4),
        "first_step_s": round(first["seconds"][0], 2),
        "peak_mb": round(peak["peak_mb"]),
        "path": first["path"],
    }


def fits(batch: int, size: int) -> bool:
    """Whether both processes have room at the same time."""
    lines = Path("/proc/meminfo").read_text(encoding="utf-8").splitlines()
    available = int(next(line.split()[1] for line in lines if line.startswith("MemAvailable"))) / 1024
    return batch * size * size * MEGABYTES_A_PIXEL + 2000 < available


def row(result: dict[str, Any]) -> list[str]:
    ours, theirs = result["ours"], result["pytorch"]
    return [
        f"{result['network']}, {result['batch']} x {result['size']} x {result['size']}",
        f"{ours['step_s'] * 1e3:.0f}",
        f"{theirs['step_s'] * 1e3:.0f}",
        f"{result['ratio']:.2f}",
        f"{result['cpu_ratio']:.2f}",
        f"{ours['peak_mb']}",
        f"{theirs['peak_mb']}",
        f"{result['memory_ratio']:.2f}",
        f"{ours['first_step_s']:.1f}",
    ]


HEAD = ["case", "ours, ms", "PyTorch, ms", "ratio", "CPU time", "ours, MB", "PyTorch, MB", "ratio", "first step, s"]


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--batch", type=int, help="images a step; without it all cases are measured")
    parser.add_argument("--size", type=int, default=256, help="side of the images, a multiple of 32")
    parser.add_argument("--network", choices=NETWORKS, default="dense", help="default: %(default)s")
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)), help="default: one for each core")
    parser.add_argument("--steps", type=int, default=4, help="steps of each side in a turn")
    parser.add_argument("--rounds", type=int, default=4, help="turns of each side")
    parser.add_argument("--json", type=Path, help="write the results to this file")
    return parser.parse_args()


def main() -> None:
    args = parse_arguments()
    need("torch", TORCH)
    single = args.batch is not None
    cases = [(args.batch, args.size, args.network)] if single else [(*c, n) for n in NETWORKS for c in CASES]
    results = []
    for batch, size, network in cases:
        if not single and not fits(batch, size):
            print(f"left out for lack of memory: {network}, {batch} x {size} x {size}")
            continue
        results.append(measure(batch, size, network, args.threads, args.steps, args.rounds))
        print(table(HEAD, [row(results[-1])]), flush=True)
    if not single:
        print(table(HEAD, [row(result) for result in results]))
    write_json(args.json, results[0] if single else {"cases": results})


if __name__ == "__main__":
    run_command(main)
