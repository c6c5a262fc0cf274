"""Try malformed inputs on all programs, and print a Markdown table of what they did.

bash scripts/faults.sh 100
bash scripts/faults.sh 500 --seed 7 --kind number
bash scripts/faults.sh 0 --trainings 10
"""

import argparse
import os
import random
import sys
import tempfile
from collections import Counter
from pathlib import Path

from src.backend.environment import prepare_environment
from src.common.cli import parse_seed

prepare_environment("CPU")

from tests.support.faults.case import generate  # noqa: E402
from tests.support.faults.harness import Runner, Tried  # noqa: E402
from tests.support.faults.killed import RECIPE, differences, plain_run, random_blow, struck_run  # noqa: E402
from tests.support.faults.world import World, make_world  # noqa: E402


def main() -> int:
    """1 where a program took an input as it should not."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("number", type=int, nargs="?", default=100, help="how many inputs (default: 100)")
    parser.add_argument("--seed", type=parse_seed, default=0, help="another seed, other inputs (default: 0)")
    parser.add_argument("--kind", help="only those of one kind of the table")
    parser.add_argument("--trainings", type=int, default=0, metavar="N", help="kill N trainings, too (default: 0)")
    parser.add_argument("--output", type=Path, help="write the table to this file too")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="faults-") as folder:
        root = Path(folder)
        world = make_world(root)
        cases = generate(args.number, args.seed, world, root / "cases")
        wanted = (case for case in cases if args.kind in (None, case.kind))
        tried = []
        with Runner(root / "run") as runner:
            for one in runner.try_all(wanted):
                tried.append(one)
                if one.faults:
                    print(one.report(), file=sys.stderr, flush=True)
        lines, differ = killed(args.trainings, args.seed, world, root / "killed")
    text = (table(tried) if tried else "") + "".join(lines)
    print(text, end="")
    if args.output:
        args.output.write_text(text, encoding="utf-8")
    return 1 if differ or any(one.faults for one in tried) else 0


def killed(number: int, seed: int, world: World, root: Path) -> tuple[list[str], int]:
    """A line for each training that was ended and resumed, and how many are not what the whole run is."""
    if not number:
        return [], 0
    root.mkdir()
    os.environ["MODNET_COMPILE_CACHE"] = str(root / "steps")
    rng, whole = random.Random(seed), root / "whole"
    plain_run(world.config, whole, *RECIPE)
    lines, differ = ["\n| training ended by | status | resumed, it is the whole run |\n| --- | ---: | --- |\n"], 0
    for k in range(number):
        blow, folder = random_blow(rng), root / str(k)
        done = struck_run(blow, world.config, folder, *RECIPE)
        plain_run(world.config, folder, *RECIPE, "--resume", folder)
        found = differences(whole, folder)
        differ += bool(found)
        lines.append(f"| {blow} | {done.status} | {'; '.join(found) or 'bit for bit'} |\n")
    return lines, differ


def table(tried: list[Tried]) -> str:
    """A row for each kind."""
    lines = ["| kind | inputs | programs | refused in words | used, as is right | faults | longest |",
             "| --- | ---: | ---: | ---: | ---: | ---: | ---: |"]  # fmt: skip
    for kind in (*sorted({one.case.kind for one in tried}), None):
        rows = [one for one in tried if kind in (None, one.case.kind)]
        count = Counter("fault" if one.faults else "used" if one.ended.status == 0 else "refused" for one in rows)
        programs = len({one.case.program for one in rows})
        longest = max((one.ended.seconds for one in rows), default=0.0)
        lines.append(f"| {kind or 'all'} | {len(rows)} | {programs} | {count['refused']} | {count['used']} | "
                     f"{count['fault']} | {longest:.1f} s |")  # fmt: skip
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.exit(main())
