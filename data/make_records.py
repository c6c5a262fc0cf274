"""Store a data set in a few MindRecord files, which are read several times faster than its images."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from src.programs import run

if __name__ == "__main__":
    run("make_records")
