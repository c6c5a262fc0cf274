"""Has a GPU or an Ascend device kernels for all that training and evaluation compute? Asked without a card."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from src.programs import run

if __name__ == "__main__":
    run("check_kernels")
