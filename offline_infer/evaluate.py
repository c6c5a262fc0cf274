"""Score raw results of any program on any device: the numbers are those that eval.py gives the same network."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from src.programs import run

if __name__ == "__main__":
    run("offline_evaluate")
