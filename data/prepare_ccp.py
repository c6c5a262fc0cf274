"""Turn Clothing Co-Parsing into portraits with soft mattes, in the folder structure of P3M-10k."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from src.programs import run

if __name__ == "__main__":
    run("prepare_ccp")
