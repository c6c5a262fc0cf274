"""What is to be measured: models, threads and sizes, as the command line of benchmark.py says them."""

import argparse
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ..common.errors import ConfigError, ModelError
from ..model_file.releases import find_model
from ..runtime.options import add_model_arguments, open_options, split_precision

MODES = ("latency", "throughput")


@dataclass(frozen=True)
class Case:
    """One model on a number of threads.

    Attributes:
        model: path or released name as given.
        precision, threads, device, device_id, preprocess: as in `src.runtime.factory.open_predictor`.
        shape: (height, width) of the network's input.
        source: (height, width) of the image that the input is made from and the matte is made for.
    """

    model: str
    precision: str = "f32"
    threads: int | None = None
    device: str = "CPU"
    device_id: int = 0
    shape: tuple[int, int] = (512, 512)
    source: tuple[int, int] = (512, 512)
    preprocess: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class MeasurementPlan:
    """How often is measured.

    Attributes:
        modes: of `MODES`.
        rounds: turns of each model.
        turn: images that count in one turn, for throughput: of each request.
        warm_up: images before the first turn, which do not count.
    """

    modes: tuple[str, ...] = MODES
    rounds: int = 10
    turn: int = 10
    warm_up: int = 5

    def __post_init__(self) -> None:
        if min(self.rounds, self.turn) < 1 or self.warm_up < 0:
            raise ConfigError(
                f"Expected are --rounds and --turn (or --loop) of 1 or more and --warm_up of 0 or more, got "
                f"{self.rounds}, {self.turn} and {self.warm_up}."
            )


def parse_size(text: str) -> tuple[int, int]:
    """`480x288` -> (480, 288): height and width, at least 1; for the `type` of an option."""
    if not re.fullmatch(r"[1-9]\d*x[1-9]\d*", text):
        raise argparse.ArgumentTypeError(f"expected HEIGHTxWIDTH such as 512x512, got {text!r}")
    height, width = text.split("x")
    return int(height), int(width)


def parse_threads(text: str) -> list[int]:
    """`1,2` -> [1, 2], each once and at least 1; for the `type` of an option."""
    if not re.fullmatch(r"[1-9]\d*(,[1-9]\d*)*", text):
        raise argparse.ArgumentTypeError(f"expected numbers of threads such as 2 or 1,2, got {text!r}")
    return list(dict.fromkeys(map(int, text.split(","))))


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of `Case` and `Plan`. The parser resolves conflicts: --threads takes several numbers here."""
    parser.add_argument("--models", nargs="+", required=True, metavar="MODEL", help="released models or files, such "
                        "as MODEL.xml@bf16 in bf16; the first is what the others are compared with")  # fmt: skip
    parser.add_argument("--device", default="CPU", help="the runtime's name of a device (default: CPU)")
    parser.add_argument("--device_id", type=int, default=0, help="which of several GPUs or Ascend cards")
    parser.add_argument("--shape", type=parse_size, default=(512, 512), metavar="HxW", help="network's input, height x "
                        "width (default: 512x512)")  # fmt: skip
    parser.add_argument("--source", type=parse_size, metavar="HxW", help="image that the input is made from "
                        "(default: as --shape)")  # fmt: skip
    parser.add_argument("--mode", choices=(*MODES, "both"), help="one image after another, or as "
                        "many a second as possible (default: both)")  # fmt: skip
    for name, text in (("rounds", "turns of each model"), ("turn", "images in a turn"), ("warm_up", "first images "
                       "that do not count")):  # fmt: skip
        parser.add_argument(f"--{name}", type=int, help=f"{text} (default: {getattr(MeasurementPlan, name)})")
    parser.add_argument("--loop", type=int, metavar="N", help="N dummy images one after another for each model: "
                        "short for --mode latency --rounds 1 --turn N")  # fmt: skip
    add_model_arguments(parser)
    parser.add_argument("--threads", type=parse_threads, default=[None], metavar="N,N", help="threads of the CPU, "
                        "measured for each number (default: the runtime's choice)")  # fmt: skip


def read_plan(args: argparse.Namespace) -> MeasurementPlan:
    """The plan that the command line asks for; ConfigError where --loop meets an option that it stands for."""
    given = {name: getattr(args, name) for name in ("rounds", "turn", "warm_up") if getattr(args, name) is not None}
    if args.loop is None:
        return MeasurementPlan(**given, modes=(args.mode,) if args.mode in MODES else MODES)
    twice = [f"--{name}" for name in ("mode", "rounds", "turn") if getattr(args, name) is not None]
    if twice:
        raise ConfigError(f"--loop N is --mode latency --rounds 1 --turn N: leave {', '.join(twice)} out.")
    return MeasurementPlan(
        ("latency",), rounds=1, turn=args.loop, warm_up=given.get("warm_up", MeasurementPlan.warm_up)
    )


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
