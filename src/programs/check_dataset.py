"""Examine the data sets of a configuration: what is wrong with which files, and how to fix it.

python data/check_dataset.py P3M.yml
"""

import argparse

from ..backend.environment import prepare_environment
from ..common.cli import parse_whole
from ..common.errors import MattingError
from ..common.processes import check_workers
from ..config.config import load_config
from ..data.doctor.check import check_config, verdict


def parse_arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__.splitlines()[0],
        epilog="Ends with status 2 where training would fail, else 0; warnings do not count.",
    )
    parser.add_argument("config", help="YAML file with train_dataset and val_dataset")
    parser.add_argument("--workers", type=parse_whole, help="processes of one thread each (one per core)")
    return parser.parse_args()


def main() -> int:
    """Print what is wrong with the data sets; exit status 2 where training would fail."""
    arguments = parse_arguments()
    reports = []
    if fault := option_fault(arguments.config):
        print(f"options:\n  ERROR   {fault}", flush=True)
    for report in check_config(arguments.config, check_workers(arguments.workers)):
        print(report.text(), flush=True)
        reports.append(report)
    text, can_start = verdict(arguments.config, reports, option_faults=int(bool(fault)))
    print(text)
    return 0 if can_start else 2


def option_fault(config: str) -> str:
    """What training would refuse of a configuration's options; "" for nothing, and where MindSpore is not installed."""
    loaded = load_config(config)
    device = loaded.run.device_target
    prepare_environment(device)
    try:
        from ..training.checks import check_new_network, check_options  # needs MindSpore
    except ImportError:  # the doctor works where training does not
        return ""
    try:
        check_options(loaded, "CPU" if device == "auto" else device)
        check_new_network(loaded)
    except MattingError as error:
        return str(error)
    return ""
