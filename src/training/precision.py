"""What `amp_level` means on the device in use.

On CPUs that multiply bfloat16, O2 keeps the maps in it: they and the operands of convolutions are bfloat16; sums, the
statistics of norms, losses, weights, the optimiser and moving averages are float32. It has float32's range, so it
needs no loss scale. On GPU and Ascend, O2 and O3 are MindSpore's mixed precision in float16.
"""

import mindspore as ms

from ..backend import cpu_ops
from ..common.errors import DeviceError
from ..common.log import logger


def check_level(level: str, device: str) -> None:
    """DeviceError where the device has no such precision."""
    if device != "CPU" or level in ("auto", "O0"):
        return
    if level == "O3":
        raise DeviceError("amp_level O3 needs GPU or Ascend: on the CPU float16 is slower than float32. Use O0 or O2.")
    if not cpu_ops.available():
        raise DeviceError("amp_level O2 needs the native operators on a CPU, and they are not in use here. Use O0.")
    if not cpu_ops.bf16():
        raise DeviceError(
            "amp_level O2 needs a CPU with AVX512_BF16, and a compiler that knows it, or GPU or Ascend: this CPU "
            "would be slower than in float32. Use O0, or auto, which is float32 here."
        )


def half_maps(level: str) -> bool:
    """Whether maps are bfloat16 while a network is trained with this level on the device in use."""
    return level in ("auto", "O2") and ms.get_context("device_target") == "CPU" and cpu_ops.bf16()


def say_level(level: str) -> None:
    """One log line that says in what is trained, unless it is float32 as by default."""
    if level != "O0":
        name = "bfloat16 maps" if half_maps(level) else "float16" if float16(level) else "float32"
        logger.info("amp_level %s: %s", level, name)


def float16(level: str) -> bool:
    """Whether the level is MindSpore's mixed precision, which needs a loss scale."""
    return level in ("O2", "O3") and not half_maps(level)
