"""Generate portraits with exact alpha, in the layout of P3M-10k.

python data/make_synthetic.py --output data/synthetic
"""

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from src.cli import run_command
from src.jobs import check_workers
from src.synthetic.series import Series, write_series


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--output", type=Path, required=True, help="new folder, or one that these arguments made")
    parser.add_argument("--train", type=int, default=48, help="training pictures (%(default)s)")
    parser.add_argument("--validation", type=int, default=12, help="validation pictures (%(default)s)")
    parser.add_argument("--size", type=int, default=512, help="pixels of the shorter side (%(default)s)")
    parser.add_argument("--seed", type=int, default=2022, help="another seed, other pictures (%(default)s)")
    parser.add_argument("--workers", type=int, help="processes of one thread each (one per core)")
    return parser.parse_args()


def main() -> None:
    arguments = parse_arguments()
    series = Series(arguments.train, arguments.validation, arguments.size, arguments.seed)
    written = write_series(series, arguments.output, check_workers(arguments.workers))
    done = f"{written} portraits written" if written else "nothing to do"
    print(f"{arguments.output}: {series.train} training and {series.validation} validation pairs, {done}")


if __name__ == "__main__":
    run_command(main)
