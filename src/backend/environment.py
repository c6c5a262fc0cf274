"""What a process must have in its environment before MindSpore is imported, for full speed on CPUs."""

import os
import tempfile
from pathlib import Path

from . import cpu_ops

_ACCELERATORS = ("/dev/nvidia0", "/dev/davinci0")

# The Python thread would otherwise spin on a core of its own while it waits for a compiled step: on two cores
# that makes a step nearly twice as long.
_SLEEPING_WAIT = {"MS_DEV_HOST_BLOCKING_RUN": "1", "OMP_WAIT_POLICY": "passive"}

# MindSpore's own convolutions insist on a layout for which oneDNN has no fast AVX-512 kernel, and fall to its
# reference code, some hundred times slower than the AVX2 kernels.
_AVX512_CURE = {"ONEDNN_MAX_CPU_ISA": "AVX2"}
_PORTABLE = "MindSpore's own operators"  # why not the native ones is said by who looked for them


def prepare_environment(device_target: str = "auto") -> str:
    """Set what helps on a CPU and what the user has not set; returns one line for the log, or "".

    The first call on a machine builds the native operators. Nothing is set for a GPU or Ascend, be it asked for by
    name or found under "auto". Calling it again is harmless.
    """
    os.environ.setdefault("GLOG_v", "3")  # MindSpore's own log: errors only, not every absent plug-in
    # The graph of a failed compilation, which MindSpore would write into the folder that the user stands in.
    os.environ.setdefault("MS_OM_PATH", str(Path(tempfile.gettempdir()) / f"mindspore-graphs-{os.getuid()}"))
    if device_target in ("GPU", "Ascend") or (device_target == "auto" and _accelerator()):
        return ""
    native = cpu_ops.available()
    expected = dict(_SLEEPING_WAIT)
    if native and (threads := _threads()):
        expected["MODNET_CPU_THREADS"] = threads
    if not native and _has_avx512():
        expected |= _AVX512_CURE
    set_now = {name: value for name, value in expected.items() if name not in os.environ}
    kept = [f"{name}={os.environ[name]}" for name, value in expected.items() if os.environ.get(name, value) != value]
    os.environ.update(set_now)
    operators = "native operators" if native else _PORTABLE
    if os.environ.get("MODNET_CPU_OPS") == "0":
        operators += " (MODNET_CPU_OPS=0)"
    parts = [f"set {name}={value}" for name, value in set_now.items()]
    parts += [f"left {setting} as you set it" for setting in kept]
    return "; ".join([f"CPU: {operators}", *parts])


def _threads() -> str:
    """Threads for this process, "" for all cores: what the user said, or a share where msrun started several.

    MindSpore overwrites OMP_NUM_THREADS while it starts, so the user's number is handed on under our name.
    """
    said = os.environ.get("OMP_NUM_THREADS", "")
    if said.isdigit():
        return said
    workers = int(os.environ.get("MS_WORKER_NUM", 1)) // int(os.environ.get("NNODES", 1))
    if workers < 2 or "MSRUN_CPU_LIST" in os.environ:  # msrun bound each process to cores of its own
        return ""
    return str(max(1, len(os.sched_getaffinity(0)) // workers))


def _accelerator() -> bool:
    return any(Path(device).exists() for device in _ACCELERATORS)


def _has_avx512() -> bool:
    try:
        return " avx512f " in Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        return False
