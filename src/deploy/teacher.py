"""A teacher that OpenVINO runs, beside the compiled training step: in bfloat16 in less than half of the time."""

from collections.abc import Callable

import numpy as np
from mindspore import nn

from ..runtime.openvino_runtime import in_memory
from ..runtime.options import RuntimeOptions
from .onnx_model import training_model


def openvino_teacher(teacher: nn.Cell, precision: str) -> Callable[[np.ndarray], list[np.ndarray]]:
    """A teacher as a function on the CPU.

    Args:
        teacher: in training mode, its batch norms as in inference.
        precision: f32, or bf16 where the CPU computes in it.

    Returns:
        (images [N, 3, H, W], float32, normalised) -> all that the network returns, in its order.

    Raises:
        DeviceError: OpenVINO is not installed, or the CPU does not have the precision.
    """
    model = training_model(teacher).SerializeToString()
    return in_memory(model, RuntimeOptions(precision=precision)).outputs
