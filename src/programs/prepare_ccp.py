"""Turn Clothing Co-Parsing into portraits with soft mattes, in the folder structure of P3M-10k.

python data/prepare_ccp.py --source clothing-co-parsing --output data/CCP
"""

import argparse
from pathlib import Path

from ..common.cli import parse_finite, parse_whole
from ..common.processes import check_workers
from ..data.builders.ccp.builder import HOME, SKIPPED, prepare


def parse_arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0], epilog=f"The data set: git clone {HOME}")
    parser.add_argument("--source", type=Path, required=True, help="folder with photos/ and annotations/pixel-level/")
    parser.add_argument("--output", type=Path, required=True, help="new folder, or one to go on with")
    parser.add_argument("--workers", type=parse_whole, help="processes of one thread each (one per core)")
    parser.add_argument("--limit", type=parse_whole, help="only the first LIMIT photographs")
    parser.add_argument("--validation_share", type=parse_finite, default=0.1, help="part held out (%(default)s)")
    return parser.parse_args()


def main() -> int:
    """Make the mattes that are not there yet; exit status 1 where a file could not be read."""
    arguments = parse_arguments()
    workers = check_workers(arguments.workers)
    summary = prepare(arguments.source, arguments.output, workers, arguments.limit, arguments.validation_share)
    print(
        f"{arguments.output}: {summary.train} training and {summary.validation} validation pairs, "
        f"{summary.unlabelled} photographs without annotation"
    )
    if summary.skipped:
        print(f"{summary.skipped} photographs are not used, the reasons are in {arguments.output / SKIPPED}")
    return 1 if summary.damaged else 0
