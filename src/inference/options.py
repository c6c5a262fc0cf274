"""The options of infer.py, checked before a model is opened."""

import argparse
from dataclasses import dataclass

from ..common.cli import parse_finite, parse_whole
from ..common.errors import ConfigError
from .smoothing import OfdThresholds

OUTPUTS = ("alpha", "rgba", "composite")
EXISTING = ("refuse", "skip", "replace")


@dataclass(frozen=True)
class InferOptions:
    """Options of one run.

    Attributes:
        outputs: which of `OUTPUTS` are written; empty takes the default of the input (see `outputs_for`).
        background: what composites stand on, as `src.inference.backgrounds.open_background` reads it.
        ofd: thresholds of the flicker filter for videos; None leaves it off.
        batch_size: images or frames that go through the network together.
        existing: what happens to results of an earlier run: 'refuse' to begin, 'skip' what is there, 'replace' it.
        show: a window with what is made.
        flip: flip test-time augmentation (see `src.runtime.flip`); None: for photographs, not for videos.
    """

    outputs: tuple[str, ...] = ()
    background: str | None = None
    ofd: OfdThresholds | None = None
    batch_size: int = 1
    existing: str = "refuse"
    show: bool = False
    flip: bool | None = None

    def __post_init__(self) -> None:
        unknown = [name for name in self.outputs if name not in OUTPUTS]
        if unknown:
            raise ConfigError(f"--outputs knows {', '.join(OUTPUTS)} (separated by commas), got '{unknown[0]}'.")
        if "composite" in self.outputs and self.background is None:
            raise ConfigError("--outputs composite needs --background: blur, a colour, an image or a video.")
        if self.outputs and self.background is not None and "composite" not in self.outputs:
            raise ConfigError("--background is given but --outputs has no composite: add it, or leave one out.")
        if self.batch_size < 1:
            raise ConfigError(f"--batch_size is {self.batch_size}; give 1 or more.")

    def flip_for(self, video: bool) -> bool:
        """Whether there is flip test-time augmentation: as asked, else for photographs and not for videos."""
        return not video if self.flip is None else self.flip

    def outputs_for(self, video: bool) -> tuple[str, ...]:
        """The outputs to write: those given, else alpha, for images rgba too, and composite with a background."""
        if self.outputs:
            return self.outputs
        return ("alpha", *(() if video else ("rgba",)), *(() if self.background is None else ("composite",)))


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of `InferOptions`; `from_args` reads them back."""
    parser.add_argument("--outputs", default="", metavar="A,B", help=f"some of {','.join(OUTPUTS)} (default: alpha; "
                        "for images rgba too; composite where --background is given)")  # fmt: skip
    parser.add_argument("--background", metavar="B", help="blur, a colour (white, #00b140, 0,177,64), an image or a "
                        "video, for the composite")  # fmt: skip
    parser.add_argument(
        "--batch_size", type=parse_whole, default=1, metavar="N", help="images a network run (default: 1)"
    )
    parser.add_argument("--existing", choices=EXISTING, default="refuse", help="results of an earlier run in --output: "
                        "refuse to begin (default), skip them, replace them")  # fmt: skip
    parser.add_argument("--ofd", action="store_true", help="videos: fix flicker with one frame of delay")
    defaults = OfdThresholds()
    for name, text in (("agree", "frames t-1 and t+1 agree up to"), ("differ", "frame t jumps from")):
        parser.add_argument(f"--ofd_{name}", type=parse_finite, metavar="D",
                            help=f"{text} this difference of alpha (default: {getattr(defaults, name)})")  # fmt: skip
    parser.add_argument("--flip", action=argparse.BooleanOptionalAction, help="flip test-time augmentation: mattes are "
                        "the mean over an image and its mirror image. Better, in twice the network's time (default: "
                        "for photographs)")  # fmt: skip
    parser.add_argument("--show", action="store_true", help="show the results in a window; q ends a video")


def from_args(args: argparse.Namespace) -> InferOptions:
    """Options from the command line; ConfigError where they do not fit together."""
    given = {name: value for name in ("agree", "differ") if (value := getattr(args, f"ofd_{name}")) is not None}
    if given and not args.ofd:
        raise ConfigError(f"--ofd_{next(iter(given))} is given without --ofd: add --ofd, or leave it out.")
    return InferOptions(
        outputs=tuple(dict.fromkeys(name.strip() for name in args.outputs.split(",") if name.strip())),
        background=args.background,
        ofd=OfdThresholds(**given) if args.ofd else None,
        batch_size=args.batch_size,
        existing=args.existing,
        show=args.show,
        flip=args.flip,
    )
