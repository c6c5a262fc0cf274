"""OpenVINO behind the Predictor interface."""

import os
import sys
from collections import OrderedDict
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..common.errors import DeviceError, ModelError
from ..model_file.contract import CONTRACT_KEY, Contract, read_contract
from ..model_file.formats import ONNX, OPENVINO_IR
from ..spec.preprocess import Preprocess
from .base import InputForm, Predictor, check_ends
from .options import RuntimeOptions, check_device, not_installed
from .registry import register_runtime

if TYPE_CHECKING:
    import openvino

_DTYPES = {"f32": "float32", "u8": "uint8"}
_COMPILED_SHAPES = 8


def import_openvino() -> Any:
    """The openvino package, with its telemetry switched off; DeviceError where it is not installed."""
    # With None there the import fails, and OpenVINO uses its own empty stand-in; typeshed knows modules alone.
    sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]
    try:
        import openvino
    except ImportError as error:
        raise not_installed("openvino", error) from error
    return openvino


@cache
def openvino_core() -> "openvino.Core":
    """The process's one core: where several come and go, a compilation now and then fails without a reason."""
    return import_openvino().Core()


class OpenVinoPredictor(Predictor):
    """An OpenVINO model in latency mode, compiled for each input shape as it comes; the last few are kept."""

    def __init__(
        self, model: "openvino.Model", device: str, properties: dict[str, Any], preprocess: Preprocess, form: InputForm
    ) -> None:
        super().__init__(preprocess, form)
        self.model, self.device, self.properties = model, device, properties
        self.on_cpu = device.partition(".")[0] == "CPU"
        self._requests: OrderedDict[tuple[int, ...], openvino.InferRequest] = OrderedDict()

    def run(self, x: np.ndarray) -> np.ndarray:
        """See `Predictor.run`."""
        return self.checked(x, self._infer(x)[0].copy())

    def outputs(self, x: np.ndarray) -> list[np.ndarray]:
        """All outputs of a model that has several, in its order; `x` as `run` takes it."""
        results = self._infer(x)
        return [results[i].copy() for i in range(len(results))]

    def _infer(self, x: np.ndarray) -> Any:
        """The outputs by number, in memory that the next call writes into."""
        request = self._request(x.shape)
        try:
            return request.infer(x, share_inputs=True, share_outputs=True)
        except RuntimeError as error:
            raise self.failed(x, error) from error

    def compiled(self, shape: tuple[int, ...]) -> "openvino.CompiledModel":
        """The model compiled for inputs of one shape."""
        return self._request(shape).get_compiled_model()

    def _request(self, shape: tuple[int, ...]) -> "openvino.InferRequest":
        if shape in self._requests:
            self._requests.move_to_end(shape)
        else:
            self._reshape(shape)
            self._requests[shape] = self._compile().create_infer_request()
            if len(self._requests) > _COMPILED_SHAPES:
                self._requests.popitem(last=False)
        return self._requests[shape]

    def _reshape(self, shape: tuple[int, ...]) -> None:
        try:
            self.model.reshape(shape)
        except RuntimeError as error:
            raise ModelError(
                f"{self.source} cannot compute an input of {list(shape)} ({_first_line(error)}). Give another size, or "
                "export it again."
            ) from error

    def _compile(self) -> "openvino.CompiledModel":
        try:
            return openvino_core().compile_model(self.model, self.device, self.properties)
        except RuntimeError as error:
            isa = os.environ.get("ONEDNN_MAX_CPU_ISA")  # set for MindSpore's own operators; without AVX-512 no bf16
            cure = f" ONEDNN_MAX_CPU_ISA={isa} is in force: run it without a checkpoint beside it." if isa else ""
            raise DeviceError(
                f"OpenVINO cannot compile the model for {self.device}, {self.properties} ({_first_line(error)}).{cure}"
            ) from error


@register_runtime(OPENVINO_IR, ONNX, package="openvino")
def open_openvino(path: Path, options: RuntimeOptions) -> tuple[OpenVinoPredictor, Contract]:
    """See `src.runtime.factory.open_predictor`."""
    device, properties = _where_and_how(options)
    try:
        model = openvino_core().read_model(path)
    except RuntimeError as error:
        raise ModelError(
            f"{path} cannot be opened by OpenVINO: it is missing, truncated, damaged, without its .bin file, or no IR "
            f"or ONNX model ({_first_line(error)}). Export it again."
        ) from error
    check_ends([one.get_any_name() for one in model.inputs], [_sides(one) for one in model.outputs], path)
    declared = model.input(0)
    dtype = declared.get_element_type().get_type_name()
    form = InputForm.read(_sides(declared) or [], _DTYPES.get(dtype, dtype), path)
    contract = read_contract(_contract_text(model), path, options.preprocess)
    return OpenVinoPredictor(model, device, properties, contract.preprocess, form), contract


def _sides(declared: "openvino.Output") -> list[int | None] | None:
    """Declared sides of an input or output, None for a free one; None where the model does not say."""
    shape = declared.get_partial_shape()
    if shape.rank.is_dynamic:
        return None
    return [side.get_length() if side.is_static else None for side in shape]


def _contract_text(model: "openvino.Model") -> str | None:
    """The contract's JSON from an IR, or from an ONNX file's metadata, which OpenVINO keeps as `framework`."""
    for place in ([CONTRACT_KEY], ["framework", CONTRACT_KEY]):
        if model.has_rt_info(place):
            return str(model.get_rt_info(place).astype(str))
    return None


def in_memory(model: bytes, options: RuntimeOptions) -> OpenVinoPredictor:
    """A predictor of a serialised ONNX model that takes float32 [N, 3, H, W]; DeviceError as `open_predictor`."""
    device, properties = _where_and_how(options)
    return OpenVinoPredictor(openvino_core().read_model(model), device, properties, Preprocess(), InputForm())


def _where_and_how(options: RuntimeOptions) -> tuple[str, dict[str, Any]]:
    """Device and compilation properties; DeviceError for what is not there."""
    core = openvino_core()
    device = f"{options.device}.{options.device_id}" if options.device_id else options.device
    check_device(device, core.available_devices, "OpenVINO")
    able = core.get_property(device, "OPTIMIZATION_CAPABILITIES")
    if options.precision != "f32" and {"bf16": "BF16", "f16": "FP16"}[options.precision] not in able:
        raise DeviceError(
            f"{core.get_property(device, 'FULL_DEVICE_NAME')} ({device}) does not compute in {options.precision}; "
            f"it has {', '.join(able)}. Use --precision f32."
        )
    properties: dict[str, Any] = {"PERFORMANCE_HINT": "LATENCY", "INFERENCE_PRECISION_HINT": options.precision}
    if options.threads:
        properties["INFERENCE_NUM_THREADS"] = options.threads
    return device, properties


def _first_line(error: Exception) -> str:
    return next((line.strip() for line in str(error).splitlines() if line.strip()), type(error).__name__)
