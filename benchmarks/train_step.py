"""Time and memory of one training step, against the PyTorch transcription that the golden tests use.

python benchmarks/train_step.py                                     all cases
python benchmarks/train_step.py --batch 4 --size 256 --json F       one case, also written to F

Ours runs in float32 and, where the CPU multiplies it, in bfloat16 (amp_level O2). PyTorch runs as it comes, in
`channels_last`, under bfloat16 autocast and with both; what counts is the fastest of the four, and the table names it.

All sides get the same weights, batch, losses, optimiser (SGD with momentum) and number of threads, each in a process
of its own. They take turns, a few steps at a time, so that whatever else the machine does meets all; medians count.
First steps whose losses differ are an error. Processor time a step is printed beside the clock's: it hardly changes
when other programs use the cores. "of peak" is the step's convolutions (6 operations a multiplication, batch and
pixel) over its time, as a share of the highest rate that one convolution reached between the turns.
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

from benchmarks.cpu_ops import peak_gflops
from benchmarks.packages import TORCH, need
from src.backend import cpu_ops
from src.bench.report import machine, table, write_json
from src.bench.turns import in_turns
from src.common.cli import run_command
from src.common.errors import TrainingError

WORKER = Path(__file__).with_name("train_step_worker.py")
OURS = {"float32": {}, "bfloat16": {"bf16": True}}
PYTORCH = {
    "plain": {},
    "channels_last": {"channels_last": True},
    "bf16": {"bf16": True},
    "bf16 + channels_last": {"bf16": True, "channels_last": True},
}
CASES = [(4, 256), (2, 512), (16, 512)]
NETWORKS = ("dense", "pruned")
LOSS_TOLERANCE, BF16_TOLERANCE = 1e-3, 0.2  # of the loss; norms over few pixels magnify the rounding to bfloat16
MEGABYTES_A_PIXEL = 1e-2  # all processes together, dense network, measured at 4 x 256 x 256 and 2 x 512 x 512

Answer = dict[str, Any]


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

    def ask(self, steps: int) -> Answer:
        """Run steps; with 0 steps, end and report the peak memory."""
        self.process.stdin.write(f"{steps}\n")
        self.process.stdin.flush()
        for line in self.process.stdout:
            if line.startswith("RESULT "):
                return json.loads(line.removeprefix("RESULT "))
        raise TrainingError(f"The {WORKER.name} process ended with status {self.process.wait()}; its message is above.")


def sides() -> dict[str, tuple[str, dict[str, Any]]]:
    """Names of all sides, with the worker's side and its settings."""
    ours = {name: values for name, values in OURS.items() if not values or cpu_ops.bf16()}
    return {f"ours {n}": ("ours", v) for n, v in ours.items()} | {n: ("pytorch", v) for n, v in PYTORCH.items()}


def measure(case: dict[str, Any], steps: int, rounds: int) -> Answer:
    """Medians of all sides of a case, their ratios to PyTorch's fastest, and what they were measured on."""
    workers = {name: Worker(side, case | settings) for name, (side, settings) in sides().items()}
    peaks = {"ours float32": 0.0, "ours bfloat16": 0.0}
    try:
        first = {name: worker.ask(1) for name, worker in workers.items()}
        check_losses(first)
        for worker in workers.values():
            worker.ask(2)  # caches and memory pools settle
        runs: dict[str, list[Answer]] = {name: [] for name in workers}
        for number, name in enumerate(in_turns(list(workers), rounds)):
            runs[name].append(workers[name].ask(steps))
            if number % len(workers) == 0:
                peaks |= {side: max(peaks[side], peak_gflops("bf" in side)) for side in workers if side in peaks}
        ends = {name: worker.ask(0) for name, worker in workers.items()}
    finally:
        for worker in workers.values():
            worker.process.kill()
    result = {name: summary(first[name], runs[name], ends[name]) for name in workers}
    return {**case, "machine": machine(), **compared(result, peaks, first["ours float32"]["gflop"])}


def compared(result: dict[str, Answer], peaks: dict[str, float], gflop: float) -> Answer:
    """The sides' summaries with the ratios of ours to PyTorch's fastest and the share of the peak that they reach."""
    fastest = min(PYTORCH, key=lambda name: result[name]["step_s"])
    theirs, full = result[fastest], result["ours float32"]
    for name in (name for name in result if name.startswith("ours")):
        ours = result[name]
        ours["ratio"] = round(ours["step_s"] / theirs["step_s"], 3)
        ours["cpu_ratio"] = round(ours["cpu_s"] / theirs["cpu_s"], 3)
        ours["memory_of_float32"] = round(ours["peak_mb"] / full["peak_mb"], 3)
        ours["peak_gflops"] = round(peaks[name])
        ours["of_peak"] = round(gflop / ours["step_s"] / peaks[name], 3) if peaks[name] else 0.0
    return {"gflop": gflop, "fastest_pytorch": fastest, **result}


def check_losses(first: dict[str, Answer]) -> None:
    """TrainingError where a side's first losses are not those of PyTorch as it comes."""
    expected = first["plain"]["losses"]
    for name, answer in first.items():
        tolerance = BF16_TOLERANCE if "bf" in name else LOSS_TOLERANCE
        if any(abs(a - b) > tolerance * abs(b) for a, b in zip(answer["losses"], expected, strict=True)):
            raise TrainingError(
                f"The first step's losses differ: {answer['losses']} ({name}), {expected} in PyTorch. Nothing was "
                "measured."
            )


def summary(first: Answer, runs: list[Answer], end: Answer) -> Answer:
    """What one side's answers come to."""
    seconds = [s for run in runs for s in run["seconds"]]
    return {
        "step_s": round(median(seconds), 4),
        "fastest_s": round(min(seconds), 4),
        "cpu_s": round(median(s for run in runs for s in run["cpu_seconds"]), 4),
        "first_step_s": round(first["seconds"][0], 2),
        "peak_mb": round(end["peak_mb"]),
        "path": first["path"],
    }


def fits(batch: int, size: int) -> bool:
    """Whether all processes have room at the same time."""
    lines = Path("/proc/meminfo").read_text(encoding="utf-8").splitlines()
    available = int(next(line.split()[1] for line in lines if line.startswith("MemAvailable"))) / 1024
    return batch * size * size * MEGABYTES_A_PIXEL + 5000 < available


HEAD = ["case", "ours", "ms", "PyTorch's fastest, ms", "ratio", "CPU time", "MB", "of float32", "PyTorch, MB",
        "GFLOP", "of peak", "first step, s"]  # fmt: skip


def rows(result: Answer) -> list[list[str]]:
    """A line of the table for each of our two precisions."""
    theirs = result[result["fastest_pytorch"]]
    return [
        [
            f"{result['network']}, {result['batch']} x {result['size']} x {result['size']}",
            name,
            f"{ours['step_s'] * 1e3:.0f}",
            f"{theirs['step_s'] * 1e3:.0f} ({result['fastest_pytorch']})",
            f"{ours['ratio']:.2f}",
            f"{ours['cpu_ratio']:.2f}",
            f"{ours['peak_mb']}",
            f"{ours['memory_of_float32']:.2f}",
            f"{theirs['peak_mb']}",
            f"{result['gflop']:.0f}",
            f"{100 * ours['of_peak']:.0f} % of {ours['peak_gflops']}",
            f"{ours['first_step_s']:.1f}",
        ]
        for name in OURS
        if (ours := result.get(f"ours {name}"))
    ]


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
    os.environ["MODNET_CPU_THREADS"] = str(args.threads)
    single = args.batch is not None
    cases = [(args.batch, args.size, args.network)] if single else [(*c, n) for n in NETWORKS for c in CASES]
    results = []
    for batch, size, network in cases:
        if not single and not fits(batch, size):
            print(f"left out for lack of memory: {network}, {batch} x {size} x {size}")
            continue
        case = {"batch": batch, "size": size, "network": network, "threads": args.threads}
        results.append(measure(case, args.steps, args.rounds))
        print(table(HEAD, rows(results[-1])), flush=True)
    if len(results) > 1:
        print(table(HEAD, [row for result in results for row in rows(result)]))
    write_json(args.json, results[0] if single else {"cases": results})


if __name__ == "__main__":
    run_command(main)
