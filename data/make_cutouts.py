"""Make cut-outs of people out of photographs and their alphas, for `GroupScene`."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from src.programs import run

if __name__ == "__main__":
    run("make_cutouts")
