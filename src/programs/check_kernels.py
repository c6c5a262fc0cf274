"""Has a GPU or an Ascend device kernels for all that training and evaluation compute? Asked without a card.

python scripts/check_kernels.py
python scripts/check_kernels.py --amp_level O0 --output kernels.md

The graphs of training (forward and backward) and evaluation are compiled on the CPU with the portable layers. Each of
their primitives is looked up among the kernels that the installed wheel registers in its GPU and Ascend libraries.
Exit status 1 where one has none. It says nothing of speed or numbers. Takes some minutes.
"""

import argparse
import os
from pathlib import Path

from ..backend.device import select_device
from ..backend.environment import prepare_environment
from ..bench.report import table, write_table
from ..common.log import logger, setup_logging


def main() -> int:
    """Print the table; 1 where a primitive has no kernel."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--amp_level", nargs="+", choices=("O0", "O2", "O3"), default=["O0", "O2", "O3"],
                        help="levels of mixed precision (default: all)")  # fmt: skip
    parser.add_argument("--output", type=Path, help="write the table to this .md or .csv file too")
    args = parser.parse_args()
    setup_logging()
    # Both before MindSpore: portable layers, and only the two passes of its compiler that are read.
    os.environ |= {"MODNET_CPU_OPS": "0", "MS_DEV_DUMP_IR_PASSES": "validate,hwopt_comm_after_kernel_select"}
    prepare_environment("CPU")
    select_device("CPU")
    from ..training.kernel_check import DEVICES, check_kernels

    rows = check_kernels(args.amp_level)
    head = ["primitive", *DEVICES, "graphs"]
    lines = [[row.primitive, *(row.kernels[device] for device in DEVICES), str(len(row.graphs))] for row in rows]
    print(table(head, lines))
    write_table(args.output, head, lines)
    missing = [row for row in rows if not row.complete]
    for row in missing:
        devices = " and ".join(device for device in DEVICES if row.kernels[device] == "none")
        logger.error("%s has no kernel for %s; it is in: %s", row.primitive, devices, "; ".join(row.graphs))
    logger.info("%d of %d primitives have kernels on both devices", len(rows) - len(missing), len(rows))
    return 1 if missing else 0
