"""The options of benchmark.py, checked before a model is opened."""

import argparse
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..common.cli import parse_share, parse_whole
from ..common.errors import ConfigError, ModelError
from ..common.sizes import parse_size
from ..model_file.releases import find_model
from ..runtime.options import add_model_arguments, open_options, split_precision
from .cases import MODES, Case, MeasurementPlan


@dataclass(frozen=True)
class BenchmarkOptions:
    """Options of one run.

    Attributes:
        groups: for each number of threads the cases that take turns.
        plan: how often is measured.
        json: file for the result; None writes none.
        chart: image file for its bars; None draws none.
        compare: an earlier `json`; None compares with nothing.
        max_slowdown: share by which no model may be slower than there; None allows everything.
    """

    groups: list[list[Case]]
    plan: MeasurementPlan
    json: Path | None = None
    chart: Path | None = None
    compare: Path | None = None
    max_slowdown: float | None = None

    def __post_init__(self) -> None:
        if self.max_slowdown is not None and self.compare is None:
            raise ConfigError("--max_slowdown compares with an earlier result: give --compare FILE.json.")

    def settings(self) -> dict[str, Any]:
        """What a result says of all its models together."""
        case = self.groups[0][0]
        return {"device": case.device, "shape": list(case.shape), "source": list(case.source)}


def parse_threads(text: str) -> list[int]:
    """`1,2` -> [1, 2], each once and at least 1; for the `type` of an option."""
    if not re.fullmatch(r"[1-9]\d*(,[1-9]\d*)*", text):
        raise argparse.ArgumentTypeError(f"expected numbers of threads such as 2 or 1,2, got {text!r}")
    return list(dict.fromkeys(map(int, text.split(","))))


def table_path(text: str) -> Path:
    """A path for `src.bench.report.write_table`; for the `type` of an option."""
    if Path(text).suffix not in (".csv", ".md"):
        raise argparse.ArgumentTypeError(f"expected a file that ends in .csv or .md, got {text!r}")
    return Path(text)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of `BenchmarkOptions`; `from_args` reads them back."""
    _add_case_arguments(parser)
    _add_plan_arguments(parser)
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the result to this file")
    parser.add_argument("--picture", type=Path, metavar="FILE", help="also draw it (.png, .svg)")
    parser.add_argument("--compare", type=Path, metavar="FILE", help="an earlier --json of the same machine")
    parser.add_argument("--max_slowdown", type=parse_share, metavar="SHARE", help="such as 10%%: else exit status 1")


def from_args(args: argparse.Namespace) -> BenchmarkOptions:
    """Options from the command line.

    Raises:
        ConfigError: they do not fit together.
        ModelError: a model file is not there.
    """
    return BenchmarkOptions(read_cases(args), read_plan(args), args.json, args.picture, args.compare, args.max_slowdown)


def _add_case_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--models", nargs="+", required=True, metavar="MODEL", help="released models or files, such "
                        "as MODEL.xml@bf16 in bf16; the first is what the others are compared with")  # fmt: skip
    parser.add_argument("--device", default="CPU", help="the runtime's name of a device (default: CPU)")
    parser.add_argument("--device_id", type=parse_whole, default=0, help="which of several GPUs or Ascend cards")
    parser.add_argument("--shape", type=parse_size, default=(512, 512), metavar="HxW", help="network's input, height x "
                        "width (default: 512x512)")  # fmt: skip
    parser.add_argument("--source", type=parse_size, metavar="HxW", help="image that the input is made from "
                        "(default: as --shape)")  # fmt: skip
    parser.add_argument("--threads", type=parse_threads, default=[None], metavar="N,N", help="threads of the CPU, "
                        "measured for each number (default: the runtime's choice)")  # fmt: skip
    add_model_arguments(parser, threads=False)


def _add_plan_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--mode", choices=(*MODES, "both"), help="one image after another, or as "
                        "many a second as possible (default: both)")  # fmt: skip
    for name, text in (("rounds", "turns of each model"), ("turn", "images in a turn"), ("warm_up", "first images "
                       "that do not count")):  # fmt: skip
        parser.add_argument(f"--{name}", type=parse_whole, help=f"{text} (default: {getattr(MeasurementPlan, name)})")
    parser.add_argument("--loop", type=parse_whole, metavar="N", help="N dummy images one after another for each "
                        "model: short for --mode latency --rounds 1 --turn N")  # fmt: skip


def read_plan(args: argparse.Namespace) -> MeasurementPlan:
    """The plan that the command line asks for; ConfigError where --loop meets an option that it stands for."""
    given = {name: getattr(args, name) for name in ("rounds", "turn", "warm_up") if getattr(args, name) is not None}
    if args.loop is None:
        return MeasurementPlan(**given, modes=(args.mode,) if args.mode in MODES else MODES)
    twice = [f"--{name}" for name in ("mode", "rounds", "turn") if getattr(args, name) is not None]
    if twice:
        raise ConfigError(f"--loop N is --mode latency --rounds 1 --turn N: leave {', '.join(twice)} out.")
    warm_up = given.get("warm_up", MeasurementPlan.warm_up)
    return MeasurementPlan(("latency",), rounds=1, turn=args.loop, warm_up=warm_up)


def read_cases(args: argparse.Namespace) -> list[list[Case]]:
    """For each number of threads the cases that take turns.

    Raises:
        ConfigError: a model is named twice, or with an unknown precision.
        ModelError: a file is not there.
    """
    models = [split_precision(text, args.precision) for text in args.models]
    for path, _ in models:
        if not find_model(path).is_file():
            raise ModelError(f"There is no model file '{path}'. Give files that export.py or training wrote.")
    if len(set(models)) < len(models):
        raise ConfigError("--models names a model twice in the same precision: name each once.")
    shared = {"device": args.device, "device_id": args.device_id, "shape": args.shape,
              "source": args.source or args.shape, "preprocess": open_options(args)["preprocess"]}  # fmt: skip
    return [[Case(path, precision, threads, **shared) for path, precision in models] for threads in args.threads]
