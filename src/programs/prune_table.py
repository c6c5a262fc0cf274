"""Before and after pruning in one table: parameters, MACs, size on disk, scores, and speed in OpenVINO.

python scripts/prune_table.py eval/comparison.json --output table

The models are the checkpoints that `eval.py --model A B C` compared. Each is exported to OpenVINO; as benchmark.py has
it, they take turns at 512x512 in processes of their own, and medians count. Leaves table.md, table.json and the
exported networks.
"""

import argparse
from pathlib import Path

from ..backend.device import select_device
from ..backend.environment import prepare_environment
from ..common.log import setup_logging


def main() -> None:
    """Print the table of the comparison that the command line names."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("comparison", type=Path, help="comparison.json of eval.py")
    parser.add_argument("--output", type=Path, required=True, help="new folder for the table and the exported networks")
    args = parser.parse_args()
    setup_logging()
    prepare_environment("CPU")
    select_device("CPU")
    from ..pruning.table import tabulate  # imports MindSpore, which must see the environment made above

    print(tabulate(args.comparison, args.output), end="")
