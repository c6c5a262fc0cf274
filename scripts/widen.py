"""Give a network more channels where it needs them, without changing what it computes; train it on after that."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from src.programs import run

if __name__ == "__main__":
    run("widen")
