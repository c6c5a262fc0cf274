"""Draw the pictures that an evaluation did worst on: input, truth, matte, error, the worst first."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from src.programs import run

if __name__ == "__main__":
    run("worst")
