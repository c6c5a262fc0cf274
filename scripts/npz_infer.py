"""Run any model over the inputs that scripts/image2npz.py wrote, and write what it says as npz."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from src.programs import run

if __name__ == "__main__":
    run("npz_infer")
