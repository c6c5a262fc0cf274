"""Examine the data sets of a configuration: what is wrong with which files, and how to fix it.

python data/check_dataset.py P3M.yml
"""

import argparse

from ..common.processes import check_workers
from ..data.doctor.check import SECTIONS, check_config


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
    errors = warnings = sections = 0
    for report in check_config(arguments.config, check_workers(arguments.workers)):
        print(report.text(), flush=True)
        sections += report.section in SECTIONS
        errors += sum(finding.fatal for finding in report.findings)
        warnings += sum(not finding.fatal for finding in report.findings)
    if not sections:
        print(f"{arguments.config} has neither `train_dataset` nor `val_dataset`; P3M.yml shows both.")
        return 2
    count = f"{errors} kinds of error, {warnings} of warning"
    print(f"{count}: training would fail." if errors else f"{count}: training can start.")
    return 2 if errors else 0
