"""Write the images and masks of a test split as raw files; src/evaluation/offline/bin_store.py says what lies where."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from src.programs import run

if __name__ == "__main__":
    run("offline_prepare")
