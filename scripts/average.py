"""Average the weights of several checkpoints of one network into a new one."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from src.programs import run

if __name__ == "__main__":
    run("average")
