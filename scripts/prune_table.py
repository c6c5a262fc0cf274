"""Before and after pruning in one table: parameters, MACs, size on disk, scores, and speed in OpenVINO.

python scripts/prune_table.py eval/comparison.json --output table

The models are the checkpoints that `eval.py --model A B C` compared. Each is exported to OpenVINO; they take turns at
512x512 and medians count. Leaves table.md, table.json and the exported networks.
"""

import argparse
import json
import sys
import time
from pathlib import Path
from statistics import median
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from src.cli import run_command
from src.device import prepare_environment, select_device
from src.errors import DataError
from src.files import make_folder, write_text
from src.log import setup_logging

SIZE, WARM_UP, RUNS = 512, 3, 15
HEAD = ["network", "parameters", "MACs, G", "checkpoint, MB", "MSE", "MAD", "SAD", "OpenVINO, ms", "times faster"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("comparison", type=Path, help="comparison.json of eval.py")
    parser.add_argument("--output", type=Path, required=True, help="new folder for the table and the exported networks")
    args = parser.parse_args()
    setup_logging()
    models = read_models(args.comparison)
    prepare_environment("CPU")
    select_device("CPU")
    folder = make_folder(args.output)
    rows = [costs(Path(model["model"])) | model["whole"] for model in models]
    for row, milliseconds in zip(rows, latencies([Path(m["model"]) for m in models], folder), strict=True):
        row["openvino_ms"] = milliseconds
    write_text(folder / "table.json", json.dumps({"size": SIZE, "networks": rows}, indent=1))
    text = markdown(rows)
    write_text(folder / "table.md", text)
    print(text)


def read_models(path: Path) -> list[dict[str, Any]]:
    try:
        models = json.loads(path.read_text(encoding="utf-8"))["models"]
        if not all(Path(model["model"]).suffix == ".ckpt" for model in models):
            raise ValueError("it compares other files than checkpoints")
        return models
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataError(f"{path} is no comparison of checkpoints by eval.py ({error!r}). Run eval.py --model A.ckpt "
                        "B.ckpt first.") from error  # fmt: skip


def costs(path: Path) -> dict[str, Any]:
    from src.checkpoint import load_network
    from src.costs import count

    found = count(load_network(path)[0], SIZE, SIZE)
    return {"network": str(path), "parameters": found.parameters, "macs": found.macs, "bytes": path.stat().st_size}


def latencies(checkpoints: list[Path], folder: Path) -> list[float]:
    """Median milliseconds of each network for one 512x512 picture, all in turn."""
    import numpy as np

    from src.deploy.export import ExportOptions, export
    from src.runtime.factory import open_predictor

    predictors = []
    for number, path in enumerate(checkpoints, 1):
        files, _ = export(path, "OPENVINO", folder / f"{number}_{path.stem}", ExportOptions(overwrite=True))
        predictors.append(open_predictor(files[0])[0])
    x = np.random.default_rng(0).standard_normal((1, 3, SIZE, SIZE)).astype(np.float32)
    seconds: list[list[float]] = [[] for _ in predictors]
    for turn in range(WARM_UP + RUNS):
        for predictor, measured in zip(predictors, seconds, strict=True):
            began = time.perf_counter()
            predictor.run(x)
            if turn >= WARM_UP:
                measured.append(time.perf_counter() - began)
    return [1000 * median(measured) for measured in seconds]


def markdown(rows: list[dict[str, Any]]) -> str:
    first = rows[0]["openvino_ms"]
    lines = [
        [
            f"{Path(row['network']).parent.name}/{Path(row['network']).name}",
            f"{row['parameters']:,}",
            f"{row['macs'] / 1e9:.3f}",
            f"{row['bytes'] / 1e6:.1f}",
            *(f"{row[score]:.4f}" for score in ("mse", "mad")),
            f"{row['sad']:.2f}",
            f"{row['openvino_ms']:.1f}",
            f"{first / row['openvino_ms']:.2f}",
        ]
        for row in rows
    ]
    rule = ["---", *["---:"] * (len(HEAD) - 1)]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in [HEAD, rule, *lines]) + "\n"


if __name__ == "__main__":
    run_command(main)
