"""What a process must have in its environment before MindSpore is imported, for full speed on CPUs."""

import os
from pathlib import Path

from src import cpu_ops


def prepare_environment(device_target: str = "auto") -> str:
    """Set what helps on a CPU and what the user has not set; returns one line for the log, or "".

    With the native operators, threads that wait must sleep: MindSpore's own threads and OpenMP's share the cores.
    Without them, oneDNN is kept from AVX-512, where it has no fast kernel for MindSpore's plain layout and falls
    to its reference convolution, some hundred times slower.
    """
    os.environ.setdefault("GLOG_v", "3")  # MindSpore's own log: errors only, not every absent plug-in
    if device_target in ("GPU", "Ascend"):
        return ""
    if cpu_ops.available():
        return _set("OMP_WAIT_POLICY", "passive", "native CPU operators in use")
    if _has_avx512():
        return _set("ONEDNN_MAX_CPU_ISA", "AVX2", "slow AVX-512 convolutions avoided")
    return ""


def _set(name: str, value: str, why: str) -> str:
    if name in os.environ:
        return f"CPU: {why}; {name}={os.environ[name]} left as you set it"
    os.environ[name] = value
    return f"CPU: {why}; {name}={value}"


def _has_avx512() -> bool:
    try:
        return " avx512f " in Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        return False
