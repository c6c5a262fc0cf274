"""Make backgrounds without people out of a configuration's training images, for `BackgroundSwap`."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from src.programs import run

if __name__ == "__main__":
    run("make_backgrounds")
