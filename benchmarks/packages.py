"""Packages that a benchmark alone needs, and that need not be installed."""

from importlib.util import find_spec

from src.common.errors import DeviceError

TORCH = "pip install torch==2.13.0 --index-url https://download.pytorch.org/whl/cpu"
MEDIAPIPE = "python -m venv mediapipe && mediapipe/bin/pip install mediapipe==0.10.21 PyYAML==6.0.3 tqdm==4.70.1"


def need(package: str, install: str) -> None:
    """DeviceError with the command that installs it where a package is not here; nothing is imported."""
    if find_spec(package) is None:
        raise DeviceError(f"This benchmark needs {package}, which is not installed. Run: {install}")
