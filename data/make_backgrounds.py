"""Make backgrounds without people out of a configuration's training pictures, for `BackgroundSwap`.

python data/make_backgrounds.py configs/CCP.yml --output data/CCP-backgrounds
"""

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from src.backgrounds import make_backgrounds
from src.cli import run_command
from src.config import load_config
from src.jobs import check_workers
from src.pairs import find_pairs


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__.splitlines()[0],
        epilog="Then give `background_dir: DIR` to BackgroundSwap. Pictures that the person fills are left out.",
    )
    parser.add_argument("config", help="YAML file with train_dataset")
    parser.add_argument("--output", type=Path, required=True, help="new folder, or one to go on with")
    parser.add_argument("--workers", type=int, help="processes of one thread each (one per core)")
    arguments = parser.parse_args()
    spec = load_config(arguments.config).dataset("train_dataset")
    workers = check_workers(arguments.workers)
    written, left_out = make_backgrounds(find_pairs(spec), arguments.output, workers, spec.alpha_allow_rgb)
    print(f"{arguments.output}: {written} backgrounds; {left_out} pictures show too little of theirs")


if __name__ == "__main__":
    run_command(main)
