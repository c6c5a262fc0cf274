"""onnxruntime behind the Predictor interface."""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ..common.errors import ModelError
from ..model_file.contract import CONTRACT_KEY, Contract, read_contract
from ..model_file.formats import ONNX
from ..spec.preprocess import Preprocess
from .base import InputForm, Predictor, check_ends
from .options import RuntimeOptions, check_device, not_installed
from .registry import register_runtime

if TYPE_CHECKING:
    import onnxruntime

_PROVIDERS = {"CPU": "CPUExecutionProvider", "GPU": "CUDAExecutionProvider"}
_DTYPES = {"tensor(float)": "float32", "tensor(uint8)": "uint8"}


class OnnxPredictor(Predictor):
    """An ONNX model in onnxruntime; the first output is the matte."""

    def __init__(self, session: "onnxruntime.InferenceSession", preprocess: Preprocess, form: InputForm) -> None:
        super().__init__(preprocess, form)
        self.session, self.input = session, session.get_inputs()[0].name
        self.on_cpu = session.get_providers()[0] == "CPUExecutionProvider"
        self.output = session.get_outputs()[0].name

    def run(self, x: np.ndarray) -> np.ndarray:
        """See `Predictor.run`."""
        try:
            mattes = self.session.run([self.output], {self.input: x})[0]
        except Exception as error:  # its exceptions have no common class but this
            raise self.failed(x, error) from error
        return self.checked(x, mattes)


@register_runtime(ONNX)
def open_onnx(path: Path, options: RuntimeOptions) -> tuple[OnnxPredictor, Contract]:
    """See `src.runtime.factory.open_predictor`."""
    session = _session(path, options)
    check_ends([one.name for one in session.get_inputs()], [_sides(one) for one in session.get_outputs()], path)
    declared = session.get_inputs()[0]
    form = InputForm.read(_sides(declared) or [], _DTYPES.get(declared.type, declared.type), path)
    text = session.get_modelmeta().custom_metadata_map.get(CONTRACT_KEY)
    contract = read_contract(text, path, options.preprocess)
    return OnnxPredictor(session, contract.preprocess, form), contract


def _sides(declared: "onnxruntime.NodeArg") -> list[int | None] | None:
    """Declared sides of an input or output, None for a free one; None where the model does not say."""
    return [side if isinstance(side, int) else None for side in declared.shape or []] or None


def _session(path: Path, options: RuntimeOptions) -> "onnxruntime.InferenceSession":
    try:
        import onnxruntime
    except ImportError as error:
        raise not_installed("onnxruntime", error) from error
    here = onnxruntime.get_available_providers()
    check_device(options.device, [name for name, provider in _PROVIDERS.items() if provider in here], "onnxruntime")
    settings = onnxruntime.SessionOptions()
    settings.log_severity_level = 4  # it raises its errors too
    settings.intra_op_num_threads = options.threads or 0
    provider = _PROVIDERS[options.device]
    provider_options = {"device_id": options.device_id} if options.device == "GPU" else {}
    try:
        return onnxruntime.InferenceSession(str(path), settings, [(provider, provider_options)])
    except Exception as error:  # its exceptions have no common class but this
        raise ModelError(
            f"{path} cannot be opened by onnxruntime: it is missing, truncated, damaged or no ONNX model ({error}). "
            "Export it again."
        ) from error
