"""Before and after pruning in one table: parameters, MACs, size on disk, scores, and speed in OpenVINO."""

import json
from pathlib import Path
from typing import Any

from ..bench.cases import Case, MeasurementPlan
from ..bench.measure import measure
from ..bench.report import table
from ..bench.results import Measurement
from ..common.errors import DataError
from ..common.files import make_folder, read_json, write_text
from ..deploy.export import export
from ..deploy.options import ExportOptions

SIZE = 512
HEAD = ["network", "parameters", "MACs, G", "checkpoint, MB", "MSE", "MAD", "SAD", "OpenVINO, ms", "times faster"]


def tabulate(comparison: Path, output: Path) -> str:
    """Measure the checkpoints of an eval.py comparison: the table as Markdown.

    Args:
        comparison: comparison.json of eval.py.
        output: new folder for table.md, table.json and the exported networks.

    Raises:
        DataError: the file is no comparison of checkpoints.
    """
    models = read_models(comparison)
    folder = make_folder(output)
    checkpoints = [Path(model["model"]) for model in models]
    rows = [
        {"network": str(path), "parameters": found.parameters, "macs": found.macs, "bytes": path.stat().st_size}
        | {"openvino_ms": found.inference_ms, **model["whole"]}
        for path, found, model in zip(checkpoints, _measured(checkpoints, folder), models, strict=True)
    ]
    write_text(folder / "table.json", json.dumps({"size": SIZE, "networks": rows}, indent=1))
    text = _markdown(rows)
    write_text(folder / "table.md", text)
    return text


def read_models(path: Path) -> list[dict[str, Any]]:
    """The models of an eval.py comparison: each with "model", its path, and "whole", its scores by name.

    Raises:
        DataError: the file is none, or not all models are checkpoints.
    """
    try:
        models = read_json(path)["models"]
        if not all(Path(model["model"]).suffix == ".ckpt" for model in models):
            raise ValueError("it compares other files than checkpoints")
        return models
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataError(f"{path} is no comparison of checkpoints by eval.py ({error!r}). Run eval.py --model A.ckpt "
                        "B.ckpt first.") from error  # fmt: skip


def _measured(checkpoints: list[Path], folder: Path) -> list[Measurement]:
    """Each network exported into `folder` and measured with the others: milliseconds (medians), MACs, parameters."""
    cases = []
    for number, path in enumerate(checkpoints, 1):
        files, _ = export(path, "OPENVINO", folder / f"{number}_{path.stem}", ExportOptions(overwrite=True))
        cases.append(Case(str(files[0]), shape=(SIZE, SIZE), source=(SIZE, SIZE)))
    return measure(cases, MeasurementPlan(modes=("latency",)))


def _markdown(rows: list[dict[str, Any]]) -> str:
    """The rows of table.json as a table under `HEAD`; the first network is what the others are compared with."""
    first = rows[0]["openvino_ms"]
    cells = [
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
    return table(HEAD, cells) + "\n"
