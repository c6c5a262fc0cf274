"""What pruning costs: validation MSE against MACs, for several strategies and budgets, retrained alike.

python benchmarks/pruning_curve.py --config configs/CCP.yml --ckpt_path MODNet_best.ckpt --output docs/pruning_curve
    [--strategies uniform global budget] [--targets 5G 3.6G 2.6G 1.9G 1.3G] [--ref_size N] [--work DIR]
    [train.py's arguments]

Each network is pruned, then trained by the configuration and the arguments given (by default one epoch); a MODNet with
the dense one as its teacher. Leaves OUTPUT.csv and OUTPUT.png; what --work holds from an earlier call is not done
again.
"""

import argparse
import csv
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from src.common.cli import run_command
from src.common.errors import MattingError
from src.common.files import make_folder, whole_file
from src.common.paths import REPOSITORY

TRAINING = ["--epoch_size", "1", "--lr", "0.001"]
COLUMNS = ["strategy", "target", "macs", "parameters", "mse_pruned", "mad_pruned", "mse_retrained", "mad_retrained"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add = parser.add_argument
    add("--config", type=Path, required=True, help="configuration with the training and the validation set")
    add("--ckpt_path", type=Path, required=True, help="trained dense network")
    add("--output", type=Path, required=True, help="CSV and image, without their endings")
    add("--strategies", nargs="+", default=["uniform", "global", "budget"], help="of prune.py")
    add("--targets", nargs="+", default=["5G", "3.6G", "2.6G", "1.9G", "1.3G"], help="MACs at 512x512")
    add("--importance", default="taylor", help="of prune.py (default: taylor)")
    add("--ref_size", type=int, default=384, help="shorter side of the input in all scores (default: %(default)s)")
    add("--work", type=Path, default=Path("runs/pruning_curve"), help="folder of the networks")
    args, training = parser.parse_known_args()
    work = make_folder(args.work)
    dense = score(args, args.ckpt_path, work / "dense")
    rows = []
    for strategy in args.strategies:
        for target in args.targets:
            rows.append(one(args, strategy, target, training or TRAINING, work / f"{strategy}-{target}"))
            save(args.output, rows, dense)
            print(rows[-1], flush=True)


def one(args: argparse.Namespace, strategy: str, target: str, training: list[str], folder: Path) -> dict[str, Any]:
    """Prune, retrain and score one network; only what is not there yet."""
    pruned = folder / "pruned"
    common = ["--config", args.config]
    if not all((pruned / name).is_file() for name in ("pruned.ckpt", "report.json")):
        run("prune.py", *common, "--ckpt_path", args.ckpt_path, "--strategy", strategy, "--importance",
            args.importance, "--target", f"macs={target}", "--output_path", pruned)  # fmt: skip
    report = json.loads((pruned / "report.json").read_text(encoding="utf-8"))
    before = score(args, pruned / "pruned.ckpt", folder / "before")
    if not best_of(folder / "train"):
        teacher = ["--teacher", args.ckpt_path] if report.get("network") != "mmnet" else []
        run("train.py", *common, "--ckpt_path", pruned / "pruned.ckpt", *teacher, "--output_path", folder / "train",
            *training)  # fmt: skip
    after = score(args, *best_of(folder / "train"), folder / "after")
    return {
        "strategy": strategy,
        "target": target,
        **{name: report["totals"][name][1] for name in ("macs", "parameters")},
        **{f"{name}_{when}": s[name] for when, s in (("pruned", before), ("retrained", after)) for name in s},
    }


def best_of(training: Path) -> list[Path]:
    """The one checkpoint that a training found best, whatever the network's name; none before it ran."""
    return list(training.glob("ckpt/*_best.ckpt"))


def score(args: argparse.Namespace, checkpoint: Path, folder: Path) -> dict[str, float]:
    """MSE and MAD on the validation set."""
    if not (folder / "eval.json").is_file():
        size = ("--ref_size", args.ref_size)
        run("eval.py", "--config", args.config, "--model", checkpoint, *size, "--output_path", folder)
    whole = json.loads((folder / "eval.json").read_text(encoding="utf-8"))["whole"]
    return {name: whole[name] for name in ("mse", "mad")}


def run(program: str, *arguments: object) -> None:
    command = [sys.executable, str(REPOSITORY / program), *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise MattingError(f"`{' '.join(command)}` ended with status {done.returncode}:\n{done.stderr[-2000:]}")


def save(output: Path, rows: list[dict[str, Any]], dense: dict[str, float]) -> None:
    make_folder(output.parent)
    with whole_file(output.with_suffix(".csv")) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, COLUMNS)
        writer.writeheader()
        writer.writerows(rows)
    draw(output.with_suffix(".png"), rows, dense)


def draw(path: Path, rows: list[dict[str, Any]], dense: dict[str, float]) -> None:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 5), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots()
    for strategy in dict.fromkeys(row["strategy"] for row in rows):
        points = sorted((row["macs"] / 1e9, row["mse_retrained"]) for row in rows if row["strategy"] == strategy)
        axes.plot(*zip(*points, strict=True), marker="o", label=strategy)
    axes.axhline(dense["mse"], color="grey", linestyle="--", label="dense")
    axes.set(xlabel="G MACs at 512x512", ylabel="validation MSE after retraining", ylim=(0, None))
    axes.legend()
    axes.grid(alpha=0.3)
    with whole_file(path) as temporary:
        figure.savefig(temporary, dpi=120)


if __name__ == "__main__":
    run_command(main)
