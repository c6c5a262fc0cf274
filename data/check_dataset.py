"""Examine the data sets of a configuration: what is wrong with which files, and how to fix it."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from src.programs import run

if __name__ == "__main__":
    run("check_dataset")
