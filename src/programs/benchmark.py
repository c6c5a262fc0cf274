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
from dataclasses import asdict
from pathlib import Path

from ..bench.cases import add_arguments, read_cases, read_plan
from ..bench.figure import check_drawable, draw
from ..bench.measure import measure
from ..bench.report import machine, table
from ..bench.results import HEAD, Benchmark, check_comparable, compare, table_rows
from ..common.cli import parse_share
from ..common.errors import ConfigError
from ..common.files import make_folder
from ..common.log import logger, setup_logging


def main() -> int:
    args, facts = parse_arguments(), machine()
    setup_logging()
    groups, plan = read_cases(args), read_plan(args)
    if args.max_slowdown is not None and args.compare is None:
        raise ConfigError("--max_slowdown compares with an earlier result: give --compare FILE.json.")
    settings = {"device": args.device, "shape": list(args.shape), "source": list(args.source or args.shape)}
    old = Benchmark.load(args.compare) if args.compare else None
    if old:
        check_comparable(facts, settings, old)
    for path in filter(None, (args.json, args.picture)):  # before the work
        make_folder(path.parent)
    if args.picture:
        check_drawable(args.picture)
    rows = [row for cases in groups for row in measure(cases, plan)]
    result = Benchmark(facts, settings | asdict(plan), rows)
    if args.json:
        result.save(args.json)
    height, width = args.shape
    print(f"{facts['cpu']}, {facts['cores']} cores (load {facts['load']}), {args.device}, {height}x{width}\n")
    print(table(HEAD, table_rows(result)))
    if args.picture:
        draw(result, args.picture)
    return 0 if old is None else gate(result, old, args.max_slowdown)


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, conflict_handler="resolve"
    )
    add_arguments(parser)
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the result to this file")
    parser.add_argument("--picture", type=Path, metavar="FILE", help="also draw it (.png, .svg)")
    parser.add_argument("--compare", type=Path, metavar="FILE", help="an earlier --json of the same machine")
    parser.add_argument("--max_slowdown", type=parse_share, metavar="SHARE", help="such as 10%%: else exit status 1")
    return parser.parse_args()


def gate(result: Benchmark, old: Benchmark, most: float | None) -> int:
    """Log how models differ from an earlier result; 1 where one is slower by more than `most`."""
    failed = False
    for slowdown in compare(result, old):
        over = most is not None and slowdown.worst > most
        failed |= over
        (logger.error if over else logger.info)("%s", slowdown)
    return int(failed)
