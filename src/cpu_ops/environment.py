"""temporary"""
import os
def prepare_environment(device_target: str) -> str:
    os.environ.setdefault("ONEDNN_MAX_CPU_ISA", "AVX2")
    return ""
