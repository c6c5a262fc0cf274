"""Run a model over the images that prepare.py wrote: one raw result for each."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from src.programs import run

if __name__ == "__main__":
    run("offline_infer")
