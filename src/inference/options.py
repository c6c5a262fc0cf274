"""The options of infer.py, checked before a model is opened."""

import argparse
from dataclasses import dataclass
from pathlib import Path

from ..common.cli import parse_finite, parse_whole
from ..common.errors import ConfigError
from ..imaging.encode import ENCODINGS, SUFFIXES
from ..imaging.formats import MAX_PIXELS
from .smoothing import OfdThresholds

OUTPUTS = ("cutout", "alpha", "composite")
_EARLIER_NAMES = {"rgba": "cutout"}
MOST_SHARDS = 1_000_000
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
        encoding: one of `src.imaging.encode.ENCODINGS`; what images are written as.
        clean: mattes keep their largest parts and lose small holes (see `src.imaging.clean`).
        keep_gps: EXIF of what is written says where a photograph was taken.
        max_pixels: images with more are refused.
        marked: every result's name says what it is, so that it can lie beside its image.
        flip: flip test-time augmentation (see `src.runtime.flip`); None: for photographs, not for videos.
    """

    outputs: tuple[str, ...] = ()
    background: str | None = None
    ofd: OfdThresholds | None = None
    batch_size: int = 1
    existing: str = "refuse"
    show: bool = False
    encoding: str = "png"
    clean: bool = False
    keep_gps: bool = False
    max_pixels: int = MAX_PIXELS
    marked: bool = False
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
        if self.max_pixels < 1:
            raise ConfigError(f"--max-pixels is {self.max_pixels}; give 1 or more.")
        if self.encoding == "jpg" and "cutout" in self.outputs_for(video=False):
            raise ConfigError(
                "JPEG holds no transparency: write cut-outs as png or webp, give --background for composites, or take "
                "--outputs alpha."
            )

    def flip_for(self, video: bool) -> bool:
        """Whether there is flip test-time augmentation: as asked, else for photographs and not for videos."""
        return not video if self.flip is None else self.flip

    def outputs_for(self, video: bool) -> tuple[str, ...]:
        """The outputs to write.

        Those given, else a composite where there is a background, and before it a video's alpha or an image's cut-out
        (unless JPEG is written, which cannot hold one).
        """
        if self.outputs:
            return self.outputs
        composite = () if self.background is None else ("composite",)
        if video:
            return ("alpha", *composite)
        return composite if composite and self.encoding == "jpg" else ("cutout", *composite)


@dataclass(frozen=True)
class Selection:
    """What is to be matted.

    Attributes:
        inputs: files, folders, patterns, `-`, or a camera's number.
        recursive: folders below folders too.
        shard: (3, 8) takes the third of eight parts.
    """

    inputs: tuple[str, ...]
    recursive: bool = False
    shard: tuple[int, int] = (1, 1)


def selection_from_args(args: argparse.Namespace) -> Selection:
    """The selection from the command line; ConfigError where nothing is given."""
    inputs = (*args.inputs, *(args.input or ()))
    if not inputs:
        raise ConfigError("No input is given. Name an image, a folder, a video, a camera's number, or - for stdin.")
    return Selection(inputs, args.recursive, args.shard)


def parse_shard(text: str) -> tuple[int, int]:
    """`3/8` -> (3, 8); for the `type` of an option."""
    part, slash, parts = text.partition("/")
    if slash and part.isdecimal() and parts.isdecimal() and 1 <= int(part) <= int(parts) <= MOST_SHARDS:
        return int(part), int(parts)
    raise argparse.ArgumentTypeError(f"expected a part such as 3/8, the third of eight, got '{text}'")


def add_selection_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of `Selection`; `selection_from_args` reads them back."""
    parser.add_argument("inputs", nargs="*", metavar="INPUT", help="images, folders, patterns ('*.jpg'), videos, "
                        "a camera's number, or - for an image on standard input")  # fmt: skip
    parser.add_argument("--input", nargs="+", action="extend", metavar="INPUT", help="the same")
    parser.add_argument("--recursive", action="store_true", help="folders below folders too; results lie likewise")
    parser.add_argument("--shard", type=parse_shard, default=(1, 1), metavar="K/N", help="do the K-th of N parts of "
                        "the input; a file's part depends on its name alone")  # fmt: skip


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of `InferOptions`; `from_args` reads them back."""
    parser.add_argument("--outputs", default="", metavar="A,B", help=f"some of {','.join(OUTPUTS)} (default: cutout, "
                        "for videos alpha; and composite where --background is given)")  # fmt: skip
    parser.add_argument("-b", "--background", metavar="B", help="blur, a colour (white, #00b140, 0,177,64), an image "
                        "or a video, for the composite")  # fmt: skip
    parser.add_argument(
        "--batch_size", type=parse_whole, default=1, metavar="N", help="images a network run (default: 1)"
    )
    parser.add_argument("--format", choices=ENCODINGS, default=None, help="what images become (default: png, or "
                        "what the name says that --output gives)")  # fmt: skip
    parser.add_argument(
        "--clean", action="store_true", help="images: keep the largest parts of a matte, close small holes"
    )
    parser.add_argument("--keep-gps", "--keep_gps", action="store_true", help="leave the place in the EXIF of results")
    parser.add_argument("--max-pixels", "--max_pixels", type=parse_whole, default=MAX_PIXELS, metavar="N",
                        help="refuse images with more pixels (default: %(default)s)")  # fmt: skip
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
    names = [name.strip() for name in args.outputs.split(",")]
    return InferOptions(
        outputs=tuple(dict.fromkeys(_EARLIER_NAMES.get(name, name) for name in names if name)),
        background=args.background,
        ofd=OfdThresholds(**given) if args.ofd else None,
        batch_size=args.batch_size,
        existing=args.existing,
        show=args.show,
        encoding=_encoding(args),
        clean=args.clean,
        keep_gps=args.keep_gps,
        max_pixels=args.max_pixels,
        flip=args.flip,
    )


def _encoding(args: argparse.Namespace) -> str:
    """What images are written as: by --format, or by the name of the one file that --output gives."""
    named = SUFFIXES.get(Path(args.output or "").suffix.lower())
    if named and args.format and named != args.format:
        raise ConfigError(f"--format {args.format} and --output {args.output} contradict each other: leave one out.")
    return str(args.format or named or "png")
