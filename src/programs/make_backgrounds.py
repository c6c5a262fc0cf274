"""Make backgrounds without people out of a configuration's training images, for `BackgroundSwap`.

python data/make_backgrounds.py configs/CCP.yml --output data/CCP-backgrounds
"""

import argparse
from pathlib import Path

from ..common.cli import parse_whole
from ..common.processes import check_workers
from ..config.config import load_config
from ..data.builders.backgrounds import make_backgrounds
from ..data.pairs import find_pairs


def parse_arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__.splitlines()[0],
        epilog="Then give `background_dir: DIR` to BackgroundSwap. Images that the person fills are left out.",
    )
    parser.add_argument("config", help="YAML file with train_dataset")
    parser.add_argument("--output", type=Path, required=True, help="new folder, or one to go on with")
    parser.add_argument("--workers", type=parse_whole, help="processes of one thread each (one per core)")
    return parser.parse_args()


def main() -> None:
    """Make the backgrounds that are not there yet."""
    arguments = parse_arguments()
    spec = load_config(arguments.config).dataset("train_dataset")
    workers = check_workers(arguments.workers)
    written, left_out = make_backgrounds(find_pairs(spec), arguments.output, workers, spec.alpha_channels)
    print(f"{arguments.output}: {written} backgrounds; {left_out} images show too little of theirs")
