"""Pictures -> network inputs of one fixed shape, an npz each, for a device that is evaluated off line."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from src.programs import run

if __name__ == "__main__":
    run("image2npz")
