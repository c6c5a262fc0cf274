"""Post-training int8 for onnxruntime: static QuantizeLinear/DequantizeLinear pairs, weights per output channel."""

import logging
import tempfile
from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ..common.errors import NetworkError
from ..model_file.contract import Contract
from .layers import layers_of
from .onnx_ranges import METHODS, calibration_method, import_quantization, ranges_of
from .registry import Choice, register_backend

if TYPE_CHECKING:
    from .options import Variant
    from .source import Source

# The last step, Sigmoid, and instance norm stay in float: 8 bits of theirs cost accuracy and no time is won.
OPERATORS = ("Conv", "Relu", "Clip", "Add", "Mul", "Concat", "Resize", "GlobalAveragePool")


@register_backend("onnxruntime", ".onnx", method=Choice(METHODS, "minmax"))
class OnnxInt8:
    """Writes the int8 ONNX file of a source with any layers left in float; the ranges are measured once.

    Attributes:
        layers: operators by layer, as `src.quant.layers.layers_of` finds them.
    """

    def __init__(self, source: "Source", variant: "Variant", inputs: list[np.ndarray]) -> None:
        self.source, self.method = source, variant.method or "minmax"
        # export.py gives a node and its one output the same name, so that its inputs name the nodes before it
        nodes = source.model.graph.node
        self.layers = layers_of((node.name, node.op_type == "Conv", list(node.input)) for node in nodes)
        self.ranges = ranges_of(source.path, inputs, self.method, OPERATORS)

    @property
    def note(self) -> dict[str, str]:
        """See `src.quant.registry.Int8`."""
        return {"tool": "onnxruntime", "method": self.method}

    def write(self, path: Path, contract: Contract, keep_float: Collection[str]) -> None:
        """Quantise all layers but `keep_float` into `path` (.onnx)."""
        import onnx

        from .files import save_onnx

        quantization = import_quantization()
        with tempfile.TemporaryDirectory() as folder:
            cache, made = Path(folder) / "ranges.json", Path(folder) / "int8.onnx"
            quantization.calibrate.save_tensors_data(self.ranges, cache)
            logging.disable(logging.WARNING)  # it advises to optimise first; the graph is optimised when exported
            try:
                quantization.quantize_static(
                    self.source.path,
                    made,
                    per_channel=True,
                    activation_type=quantization.QuantType.QUInt8,
                    weight_type=quantization.QuantType.QInt8,
                    op_types_to_quantize=list(OPERATORS),
                    nodes_to_exclude=[operator for layer in keep_float for operator in self.layers[layer]],
                    calibrate_method=calibration_method(self.method),
                    calibration_cache_path=cache,
                )
            finally:
                logging.disable(logging.NOTSET)
            model = onnx.load(made)
        if not any(node.op_type == "QuantizeLinear" for node in model.graph.node):
            raise NetworkError(f"There is nothing to quantise in {self.source.path}; leave fewer layers in float.")
        save_onnx(model, contract, path)
