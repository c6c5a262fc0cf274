"""Post-training int8 for OpenVINO, by NNCF."""

import logging
import sys
from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..common.errors import NetworkError
from ..deploy.openvino_ir import convert_onnx, save_ir
from ..model_file.contract import Contract
from ..runtime.openvino_runtime import import_openvino
from ..runtime.options import not_installed
from .layers import CONVOLUTIONS, layers_of
from .registry import Choice, register_backend

if TYPE_CHECKING:
    from .options import Variant
    from .source import Source

_SPLIT = "/WithoutBiases"  # OpenVINO's converter makes two operators of a convolution with bias, the sum keeps the name


@register_backend(
    "openvino",
    ".xml",
    bf16=True,
    needs=("nncf",),
    preset=Choice(("performance", "mixed"), "mixed for a network with instance norm, else performance"),
    bias_correction=Choice(("fast", "full", "off"), "fast"),
)
class OpenVinoInt8:
    """Writes the int8 IR of a source with any layers left in float.

    Attributes:
        layers: operators by layer, as `src.quant.layers.layers_of` finds them.
    """

    def __init__(self, source: "Source", variant: "Variant", inputs: list[np.ndarray]) -> None:
        self.source, self.inputs = source, inputs
        self.preset = variant.preset or _preset(source)
        self.bias_correction = variant.bias_correction or "fast"
        operators = (
            (op.get_friendly_name(), op.get_type_name() in CONVOLUTIONS, _inputs(op))
            for op in self._float_model().get_ordered_ops()
        )
        self.layers = {name.removesuffix(_SPLIT): names for name, names in layers_of(operators).items()}

    @property
    def note(self) -> dict[str, str]:
        """See `src.quant.registry.Int8`."""
        return {"tool": "nncf", "preset": self.preset, "bias_correction": self.bias_correction}

    def write(self, path: Path, contract: Contract, keep_float: Collection[str]) -> None:
        """Quantise all layers but `keep_float` into `path` (.xml) and the .bin file beside it."""
        nncf = _import_nncf()
        names = [operator for layer in keep_float for operator in self.layers[layer]]
        model = nncf.quantize(
            self._float_model(),
            nncf.Dataset(self.inputs),
            preset=nncf.QuantizationPreset(self.preset),
            subset_size=len(self.inputs),
            fast_bias_correction=self.bias_correction != "full",
            ignored_scope=nncf.IgnoredScope(names=names, validate=False),
            advanced_parameters=nncf.AdvancedQuantizationParameters(
                disable_bias_correction=self.bias_correction == "off"
            ),
        )
        if not any(op.get_type_name() == "FakeQuantize" for op in model.get_ops()):
            raise NetworkError(f"NNCF found nothing to quantise in {self.source.path}; leave fewer layers in float.")
        save_ir(model, contract, path)

    def _float_model(self) -> Any:
        return convert_onnx(self.source.path)


def _preset(source: "Source") -> str:
    """The fastest one that is safe: maps before an instance norm need a zero point each (docs/int8.md)."""
    normed = any(node.op_type == "InstanceNormalization" for node in source.model.graph.node)
    return "mixed" if normed else "performance"


def _inputs(op: Any) -> list[str]:
    return [value.get_node().get_friendly_name() for value in op.input_values()]


def _import_nncf() -> Any:
    import_openvino()  # switches the telemetry of both off
    try:
        import nncf
        import rich  # draws NNCF's progress bars
    except ImportError as error:
        raise not_installed("nncf", error) from error
    nncf.set_log_level(logging.ERROR)
    rich.reconfigure(stderr=True, quiet=not sys.stderr.isatty())  # its default is stdout, also where that is a log
    return nncf
