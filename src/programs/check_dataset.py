"""Examine the data sets of a configuration: what is wrong with which files, and how to fix it.

python data/check_dataset.py P3M.yml
"""

import argparse

from ..common.processes import check_workers
from ..data.doctor.check import check_config, verdict


def parse_arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__.splitlines()[0],
        epilog="Ends with status 2 where training would fail, else 0; warnings do not count.",
    )
    parser.add_argument("config", help="YAML file with train_dataset and val_dataset")
    parser.add_argument("--workers", type=int, help="processes of one thread each (one per core)")
    return parser.parse_args()


def main() -> int:
    """Print what is wrong with the data sets; exit status 2 where training would fail."""
    arguments = parse_arguments()
    reports = []
    for report in check_config(arguments.config, check_workers(arguments.workers)):
        print(report.text(), flush=True)
        reports.append(report)
    text, can_start = verdict(arguments.config, reports)
    print(text)
    return 0 if can_start else 2
