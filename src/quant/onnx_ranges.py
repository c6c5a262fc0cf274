"""Ranges of a network's maps on calibration images, by onnxruntime's calibrators.

The calibrators get one image at a time, so that memory does not grow with their number. For kl they get 1,024 bins
and 256 levels, as many as the runtime has. The library's own 128 levels make it cut off too much of a map behind a
ReLU, which has half of them: plain batch norm loses 40 % (docs/int8.md).
"""

import contextlib
import io
import tempfile
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from ..runtime.options import not_installed

METHODS = ("kl", "percentile", "minmax")
_SETTINGS: dict[str, dict[str, Any]] = {
    "kl": {"num_bins": 1024, "num_quantized_bins": 256},
    "percentile": {"num_bins": 2048, "percentile": 99.999, "symmetric": False},
    "minmax": {},
}


def import_quantization() -> Any:
    """The package onnxruntime.quantization; DeviceError where it is not installed."""
    try:
        import onnxruntime.quantization
    except ImportError as error:
        raise not_installed("onnxruntime onnx", error) from error
    return onnxruntime.quantization


def ranges_of(path: Path, inputs: Iterable[np.ndarray], method: str, operators: Collection[str]) -> Any:
    """Range of each map that operators of the types `operators` take or make, as `TensorsData`.

    Args:
        path: of the ONNX model.
        inputs: network inputs of one shape.
        method: one of `METHODS`.
        operators: types of the operators.
    """
    quantization = import_quantization()
    import onnx

    name = onnx.load(path, load_external_data=False).graph.input[0].name
    with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stdout(io.StringIO()):  # they print
        calibrator = quantization.calibrate.create_calibrator(
            path,
            list(operators),
            str(Path(folder) / "augmented.onnx"),
            calibration_method(method),
            extra_options=_SETTINGS[method],
        )
        for x in inputs:
            calibrator.collect_data(_reader(quantization, {name: x}))
        return calibrator.compute_data()


def calibration_method(method: str) -> Any:
    """What onnxruntime calls a method of `METHODS`."""
    methods = import_quantization().CalibrationMethod
    return {"kl": methods.Entropy, "percentile": methods.Percentile, "minmax": methods.MinMax}[method]


def _reader(quantization: Any, feed: dict[str, np.ndarray]) -> Any:
    class Reader(quantization.CalibrationDataReader):
        """Gives one feed."""

        def __init__(self) -> None:
            self.feeds: Iterator[dict[str, np.ndarray]] = iter([feed])

        def get_next(self) -> dict[str, np.ndarray] | None:
            return next(self.feeds, None)

    return Reader()
