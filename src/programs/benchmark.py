"""Time models of any kind side by side, and say what they need.

    python benchmark.py --models dense.xml pruned.onnx int8.xml@bf16 --shape 512x512 --threads 1,2
    python benchmark.py --models pruned.xml --json now.json --compare old.json --max_slowdown 10%
    python benchmark.py --models mmnet.onnx --shape 256x256 --loop 100

Every model runs in a process of its own, and they take turns. Prints a Markdown table: milliseconds of making the
input (pre), of the network (inference) and of making the matte (post), medians where no percentile is named; images
a second of the network with several under way; time to open and compile; peak memory of the process; size of the
file; deployed MACs where MindSpore is installed. Exit status 1: slower than the earlier result by more than allowed.
"""

import argparse

from ..bench.options import add_arguments, from_args
from ..bench.run import run_benchmark
from ..common.log import setup_logging


def main() -> int:
    """Run the program on the process's arguments; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_arguments(parser)
    args = parser.parse_args()
    setup_logging()
    return run_benchmark(from_args(args), show=print)
