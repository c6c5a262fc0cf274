"""Score npz results of scripts/npz_infer.py, or of a device, as eval.py scores a model: at the images' own size."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from src.programs import run

if __name__ == "__main__":
    run("npz_eval")
