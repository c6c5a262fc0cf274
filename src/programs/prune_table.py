"""Before and after pruning in one table: parameters, MACs, size on disk, scores, and speed in OpenVINO.

python scripts/prune_table.py eval/comparison.json --output table

The models are the checkpoints that `eval.py --model A B C` compared. Each is exported to OpenVINO; as benchmark.py has
it, they take turns at 512x512 in processes of their own, and medians count. Leaves table.md, table.json and the
exported networks.
"""

import argparse
import json
from pathlib import Path
from typing import Any

from ..backend.device import select_device
from ..backend.environment import prepare_environment
from ..bench.cases import Case, MeasurementPlan
from ..bench.measure import measure
from ..bench.results import Measurement
from ..common.errors import DataError
from ..common.files import make_folder, write_text
from ..common.log import setup_logging

SIZE = 512
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
    checkpoints = [Path(model["model"]) for model in models]
    rows = [
        {"network": str(path), "parameters": found.parameters, "macs": found.macs, "bytes": path.stat().st_size}
        | {"openvino_ms": found.inference_ms, **model["whole"]}
        for path, found, model in zip(checkpoints, measured(checkpoints, folder), models, strict=True)
    ]
    write_text(folder / "table.json", json.dumps({"size": SIZE, "networks": rows}, indent=1))
    text = markdown(rows)
    write_text(folder / "table.md", text)
    print(text)


def read_models(path: Path) -> list[dict[str, Any]]:
    """The models of an eval.py comparison: each with "model", its path, and "whole", its scores by name.

    Raises:
        DataError: the file is none, or not all models are checkpoints.
    """
    try:
        models = json.loads(path.read_text(encoding="utf-8"))["models"]
        if not all(Path(model["model"]).suffix == ".ckpt" for model in models):
            raise ValueError("it compares other files than checkpoints")
        return models
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataError(f"{path} is no comparison of checkpoints by eval.py ({error!r}). Run eval.py --model A.ckpt "
                        "B.ckpt first.") from error  # fmt: skip


def measured(checkpoints: list[Path], folder: Path) -> list[Measurement]:
    """Each network exported into `folder` and measured with the others: milliseconds (medians), MACs, parameters."""
    from ..deploy.export import export
    from ..deploy.options import ExportOptions

    cases = []
    for number, path in enumerate(checkpoints, 1):
        files, _ = export(path, "OPENVINO", folder / f"{number}_{path.stem}", ExportOptions(overwrite=True))
        cases.append(Case(str(files[0]), shape=(SIZE, SIZE), source=(SIZE, SIZE)))
    return measure(cases, MeasurementPlan(modes=("latency",)))


def markdown(rows: list[dict[str, Any]]) -> str:
    """The rows of table.json as a table under `HEAD`; the first network is what the others are compared with."""
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
