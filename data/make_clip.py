"""A short video of a photograph: a window that moves over it, as a hand-held camera would."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from src.programs import run

if __name__ == "__main__":
    run("make_clip")
