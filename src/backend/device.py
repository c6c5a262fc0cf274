"""Which device MindSpore runs on. `prepare_environment` must come before the first import of mindspore."""

from functools import cache

from ..common.errors import DeviceError
from ..common.log import logger
from . import cpu_ops
from .environment import prepare_environment

__all__ = ["prepare_environment", "select_device"]

# How deep calls may nest in a compiled graph. MindSpore's 1000 are too few where an optimiser walks over the many
# parameters of MMNet (AdamW); a limit that is not reached costs nothing.
_GRAPH_DEPTH = 4000


def select_device(target: str = "auto", device_id: int | None = 0) -> str:
    """Make MindSpore use a device and return its name ("GPU", "Ascend" or "CPU").

    `device_id` None leaves the number to MindSpore, which gives each process of a distributed run its own.
    "auto" takes GPU, then Ascend, then CPU with one warning line; raises DeviceError for a named device that
    is not here.
    """
    import mindspore as ms

    present = [name for name in ("GPU", "Ascend") if _device_count(name) > 0] + ["CPU"]
    chosen = present[0] if target == "auto" else target
    if chosen not in present:
        raise DeviceError(
            f"The device {target} was asked for, but MindSpore finds only {', '.join(present)} here. "
            "Use --device_target auto, or install MindSpore's GPU or Ascend requirements."
        )
    if chosen == "CPU":
        ms.set_device("CPU")
        if cpu_ops.available():
            _one_dispatch_thread()
        if target == "auto":
            logger.warning("No GPU or Ascend device found: running on the CPU.")
    else:
        _check_number(chosen, device_id)
        ms.set_device(chosen, device_id)
    logger.info("MindSpore %s on %s", ms.__version__, chosen)
    # Everything runs eagerly but the training step, which is compiled: images of any size need no new graph.
    ms.set_context(mode=ms.PYNATIVE_MODE)
    ms.set_recursion_limit(_GRAPH_DEPTH)
    return chosen


@cache
def _one_dispatch_thread() -> None:
    """The operators' own threads use all cores, more would fight them; MindSpore takes the number once a process."""
    import mindspore as ms

    ms.runtime.dispatch_threads_num(1)


def _check_number(name: str, device_id: int | None) -> None:
    count = _device_count(name)
    if device_id is not None and device_id >= count:
        raise DeviceError(f"--device_id {device_id} is not here: {name} devices are numbered 0 to {count - 1}.")


def _device_count(name: str) -> int:
    """Number of devices of a kind; 0 where MindSpore has no plug-in for it or the driver is absent."""
    import mindspore as ms

    try:
        return ms.hal.device_count(name) if ms.hal.is_available(name) else 0
    except (ValueError, RuntimeError, AttributeError):
        return 0
