"""The name of npz_eval.py in the device vendor's programs; it takes the same options."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from src.programs import run

if __name__ == "__main__":
    run("npz_eval")
