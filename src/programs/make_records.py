"""Store a data set in a few MindRecord files, which are read several times faster than its images.

python data/make_records.py P3M.yml --output data/P3M-records --short_side 512
"""

import argparse
from pathlib import Path

from ..common.cli import parse_whole
from ..common.processes import check_workers
from ..config.config import load_config
from ..data.record_writer import Encoding, write_records


def parse_arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__.splitlines()[0],
        epilog="Then set `type: MattingRecords` and `dataset_root: DIR` in the section; all other keys stay.",
    )
    parser.add_argument("config", help="YAML file with train_dataset")
    parser.add_argument("--output", type=Path, required=True, help="new folder, or one to go on with")
    parser.add_argument(
        "--short_side", type=parse_whole, help="shrink to this shorter side in pixels, as large as the transforms need "
        "(P3M.yml: 512); without it images are stored as they are"
    )  # fmt: skip
    parser.add_argument("--quality", type=parse_whole, default=95, help="JPEG quality of shrunk images (%(default)s)")
    parser.add_argument("--shards", type=parse_whole, help="number of files (one per 512 images)")
    parser.add_argument("--workers", type=parse_whole, help="processes of one thread each (one per core)")
    return parser.parse_args()


def main() -> None:
    """Write the records that are not there yet."""
    arguments = parse_arguments()
    spec = load_config(arguments.config).dataset("train_dataset")
    encoding = Encoding(arguments.short_side, arguments.quality, spec.alpha_channels)
    workers = check_workers(arguments.workers)
    written = write_records(spec, arguments.output, encoding, arguments.shards, workers)
    print(f"{arguments.output}: {f'files of records written: {written}' if written else 'nothing to do'}")
