"""Start one training process a device, watch them, and end all of them together.

modnet launch --run runs/x 2 0,1 train --config P3M.yml --distribute True --output_path runs/x/output
bash scripts/run_distributed_train_gpu.sh P3M.yml 2 0,1

Several machines: the same command on each, with MASTER_ADDR (and MASTER_PORT), NNODES and NODE_RANK in the environment.
"""

import argparse
from pathlib import Path

from ..common.log import setup_logging
from ..training.cluster import find_cluster
from ..training.launcher import launch
from ..training.members import Job


def main() -> int:
    """Check the command line and the port, then start the processes and wait for them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--run", type=Path, default=Path(), help="folder of the run: logs go to its log/ (default: .)")
    parser.add_argument("--check", action="store_true", help="check devices and port, and start nothing")
    parser.add_argument("device_num", help="how many processes this machine has")
    parser.add_argument("devices", help="numbers of its devices, with commas between them")
    parser.add_argument("program", nargs="?", default="train", help="a .py file, or a verb of modnet (default: train)")
    parser.add_argument("arguments", nargs=argparse.REMAINDER, help="the program's arguments")
    args = parser.parse_args()
    cluster = find_cluster(args.device_num, args.devices)
    if args.check:
        return 0
    setup_logging()
    return launch(cluster, Job(args.program, tuple(args.arguments), args.run))
