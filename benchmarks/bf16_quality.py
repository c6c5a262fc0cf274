"""What bfloat16 maps cost in quality: the same trainings with `--amp_level O0` and `O2`, from several seeds.

python benchmarks/bf16_quality.py --config configs/CCP.yml --work runs/bf16 [--seeds 3] [--levels O0 O2]
    [train.py's arguments, for instance --epoch_size 5 --val_interval 5]

Each run trains with `train.py`; what WORK holds from an earlier call is not done again, and a run that was broken off
goes on. The table has the last validation of every run. Its last line compares the difference of the means with the
spread of the seeds: what another seed changes is no loss of precision.
"""

import argparse
import csv
import subprocess
import sys
from pathlib import Path
from statistics import mean, stdev

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from src.bench.report import machine, show_machine, table
from src.common.cli import run_command
from src.common.errors import MattingError
from src.common.files import make_folder
from src.common.paths import REPOSITORY


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--config", type=Path, required=True, help="configuration with both data sets")
    parser.add_argument("--work", type=Path, default=Path("runs/bf16_quality"), help="folder of the runs")
    parser.add_argument("--seeds", type=int, default=3, help="how many (default: %(default)s)")
    parser.add_argument("--levels", nargs="+", default=["O0", "O2"], help="of --amp_level (default: O0 O2)")
    args, training = parser.parse_known_args()
    work = make_folder(args.work)
    scores: dict[str, list[float]] = {level: [] for level in args.levels}
    for seed in range(1, args.seeds + 1):
        for level in args.levels:
            scores[level].append(trained(args.config, work / f"{level}-{seed}", level, seed, training))
            print(f"{level}, seed {seed}: MSE {scores[level][-1]:.6f}", flush=True)
    print(f"\n{show_machine(machine())}\n\n{summary(scores)}")


def trained(config: Path, folder: Path, level: str, seed: int, training: list[str]) -> float:
    """MSE of a run's last validation; the run is made, or finished, where it is not there whole."""
    done = folder / "done"
    if not done.is_file():
        resume = ["--resume", folder] if list(folder.glob("ckpt/*")) else []
        command = ["train.py", "--config", config, "--output_path", folder, "--amp_level", level, "--seed", seed]
        words = [sys.executable, *map(str, [*command, *resume, *training])]
        if subprocess.run(words, cwd=REPOSITORY).returncode:
            raise MattingError(f"The training in {folder} failed; its message is above.")
        done.write_text("", encoding="utf-8")
    with (folder / "metrics.csv").open(encoding="utf-8") as file:
        values = [row["val_mse"] for row in csv.DictReader(file) if row.get("val_mse")]
    if not values:
        raise MattingError(f"{folder} has no validation. Give --val_interval.")
    return float(values[-1])


def summary(scores: dict[str, list[float]]) -> str:
    """A line for each level, and how far apart the means are in standard deviations of one seed."""
    seeds = [f"seed {seed + 1}" for seed in range(len(next(iter(scores.values()))))]
    rows = [[level, *(f"{v:.5f}" for v in values), f"{mean(values):.5f}"] for level, values in scores.items()]
    text = table(["validation MSE", *seeds, "mean"], rows)
    if len(seeds) > 1 and len(scores) > 1:
        first, *others = scores.values()
        spread = max(stdev(values) for values in scores.values())
        apart = max(abs(mean(values) - mean(first)) for values in others)
        text += f"\n\nmeans {apart:.5f} apart, seeds' standard deviation {spread:.5f}: {apart / spread:.2f} of it"
    return text


if __name__ == "__main__":
    run_command(main)
