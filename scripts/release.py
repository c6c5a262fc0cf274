"""Release trained networks: small files in pretrained/, scores and hashes in releases.json, the table in documents."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from src.programs import run

if __name__ == "__main__":
    run("release")
