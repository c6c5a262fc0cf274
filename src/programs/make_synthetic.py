"""Generate portraits with exact alpha, in the folder structure of P3M-10k.

python data/make_synthetic.py --output data/synthetic
"""

import argparse
from pathlib import Path

from ..common.cli import parse_seed, parse_whole
from ..common.processes import check_workers
from ..data.builders.synthetic.series import Series, write_series


def parse_arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--output", type=Path, required=True, help="new folder, or one that these arguments made")
    parser.add_argument("--train", type=parse_whole, default=48, help="training images (%(default)s)")
    parser.add_argument("--validation", type=parse_whole, default=12, help="validation images (%(default)s)")
    parser.add_argument("--size", type=parse_whole, default=512, help="pixels of the shorter side (%(default)s)")
    parser.add_argument("--seed", type=parse_seed, default=2022, help="another seed, other images (%(default)s)")
    parser.add_argument("--workers", type=parse_whole, help="processes of one thread each (one per core)")
    return parser.parse_args()


def main() -> None:
    """Write the portraits that are not there yet."""
    arguments = parse_arguments()
    series = Series(arguments.train, arguments.validation, arguments.size, arguments.seed)
    written = write_series(series, arguments.output, check_workers(arguments.workers))
    done = f"{written} portraits written" if written else "nothing to do"
    print(f"{arguments.output}: {series.train} training and {series.validation} validation pairs, {done}")
