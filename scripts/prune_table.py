"""Before and after pruning in one table: parameters, MACs, size on disk, scores, and speed in OpenVINO."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from src.programs import run

if __name__ == "__main__":
    run("prune_table")
