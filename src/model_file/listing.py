"""The released models as people read them: one line each, with what to take a model for."""

from collections.abc import Iterable
from typing import Any

from . import releases
from .releases import ReleasedModel

_GOOD = 1.5  # times the error of the best model: nearly as good


def listing() -> str:
    """One line for each released file: size, error, the time of an image in the fastest runtime, and advice."""
    models = releases.read_releases()
    advice = _advice(models)
    rows = [
        (
            model.name,
            model.file,
            f"{model.bytes / 1e6:.2f} MB",
            f"MSE {model.scores['mse']:.4f}" if model.scores else "",
            _speed(model),
            model.what + (f": {advice[model.file]}" if model.file in advice else ""),
        )
        for model in models
    ]
    widths = [max(len(cell) for cell in column) for column in zip(*rows, strict=True)]
    lines = ["  ".join(c.ljust(w) for c, w in zip(row, widths, strict=True)).rstrip() for row in rows]
    return "\n".join(lines) or f"no released models in {releases.FOLDER}"


def _fastest(model: ReleasedModel) -> dict[str, Any] | None:
    """The least latency of a file in f32, in onnxruntime or OpenVINO."""
    known = [latency for latency in (model.latency, model.openvino_latency) if latency]
    return min(known, key=lambda latency: latency["milliseconds"], default=None)


def _speed(model: ReleasedModel) -> str:
    latency = _fastest(model)
    return f"{latency['milliseconds']:.1f} ms at {'x'.join(map(str, latency['shape']))}" if latency else ""


def _advice(models: Iterable[ReleasedModel]) -> dict[str, str]:
    """What to take a file for, by its name: the least error, the least size of the good ones, the least time."""
    errors = {model.file: model.scores["mse"] for model in models if model.scores and model.suffix != ".ckpt"}
    sizes = {model.file: model.bytes for model in models}
    times = {model.file: latency["milliseconds"] for model in models if (latency := _fastest(model))}
    advice = {min(times, key=lambda file: times[file]): "the fastest"} if times else {}
    if errors:
        best = min(errors, key=lambda file: errors[file])
        good = [file for file, error in errors.items() if error <= _GOOD * errors[best]]
        advice[min(good, key=lambda file: sizes[file])] = "small, and nearly the best"
        advice[best] = "the best mattes"
    return advice
