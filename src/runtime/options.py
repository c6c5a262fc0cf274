"""How a model is to be opened, as all runtimes understand it and as command lines say it."""

import argparse
import math
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from ..common.cli import parse_finite, parse_whole
from ..common.errors import ConfigError, DeviceError
from ..spec.checks import MOST_REF_SIZE
from ..spec.preprocess import SIDES, Preprocess

PRECISIONS = ("f32", "bf16", "f16")
_RETIRED = ("MYRIAD", "NCS", "NCS2", "HDDL", "VPU")


@dataclass(frozen=True)
class RuntimeOptions:
    """See `src.runtime.factory.open_predictor`."""

    device: str = "CPU"
    device_id: int = 0
    threads: int | None = None
    precision: str = "f32"
    preprocess: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.threads is not None and self.threads < 1:
            raise ConfigError(f"`threads` must be at least 1, got {self.threads}.")
        if self.precision not in PRECISIONS:
            raise ConfigError(f"`precision` must be one of {', '.join(PRECISIONS)}, got {self.precision!r}.")
        if "ref_size" in self.preprocess:
            _check_ref_size(self.preprocess["ref_size"])
        for name in ("mean", "std"):
            values = self.preprocess.get(name, ())
            if not all(isinstance(value, int | float) and math.isfinite(value) for value in values):
                raise ConfigError(f"`{name}` must be three finite numbers, got {' '.join(map(str, values))}.")


def _check_ref_size(ref_size: Any) -> None:
    sides = ref_size if isinstance(ref_size, tuple) else (ref_size, ref_size)
    if len(sides) != 2 or not all(isinstance(side, int) and 1 <= side <= MOST_REF_SIZE for side in sides):
        raise ConfigError(
            f"`ref_size` must be one side, or height and width, in pixels from 1 to {MOST_REF_SIZE}, got {ref_size}."
        )


def check_device(device: str, present: list[str], runtime: str) -> None:
    """DeviceError where a runtime does not have a device, naming those that it has."""
    if device in present:
        return
    if device.upper().partition(".")[0] in _RETIRED:
        reason = "The Neural Compute Stick and its kin are no longer supported (OpenVINO 2022.3 was the last to do so)"
    else:
        reason = f"{runtime} has no device {device} here"
    raise DeviceError(f"{reason}; it has {', '.join(present)}. Choose one of these.")


def only_f32(precision: str, runtime: str) -> None:
    """DeviceError where a runtime that computes in f32 alone is asked for another precision."""
    if precision != "f32":
        raise DeviceError(
            f"{runtime} computes a float model in f32, not in {precision}. Give an .onnx or .xml file for {precision}."
        )


def not_installed(package: str, error: ImportError) -> DeviceError:
    """The error for a runtime that is not installed; `package` is what pip installs for it."""
    return DeviceError(f"Opening this model needs {package} ({error}). Run: pip install {package}")


def split_precision(text: str, default: str = "f32") -> tuple[str, str]:
    """`m.xml@bf16` -> ("m.xml", "bf16"); a path or name without @PRECISION gets the default.

    Raises:
        ConfigError: something else stands behind the last @, unless it belongs to the path: `a@b/m.xml`, `m@2.xml`.
    """
    model, _, precision = text.rpartition("@")
    if not model or set(precision) & set("./\\"):
        return text, default
    if precision not in PRECISIONS:
        raise ConfigError(
            f"'{text}': a model's precision must be one of {', '.join(PRECISIONS)}, got '{precision}'. Write "
            f"{model}@bf16, or leave the @ out."
        )
    return model, precision


def join_precision(model: str, precision: str) -> str:
    """What tables and files call a model in a precision: `m.xml@bf16`, and `m.xml` in f32."""
    return model if precision == "f32" else f"{model}@{precision}"


def add_model_arguments(parser: argparse.ArgumentParser, threads: bool = True) -> None:
    """Add --threads, --precision and the fields of `Preprocess`; `open_options` reads them back.

    Args:
        parser: gets the options.
        threads: whether --threads is among them; a program that has its own leaves it out.
    """
    if threads:
        parser.add_argument("--threads", type=parse_whole, help="threads of the CPU (default: the runtime's choice)")
    parser.add_argument("--precision", choices=PRECISIONS, default="f32", help="OpenVINO's precision (default: f32)")
    parser.add_argument("--ref_size", type=parse_whole, nargs="+", metavar="N", help="another input size than "
                        "the model's own: one side in pixels, or height and width of every input")  # fmt: skip
    parser.add_argument("--ref_side", choices=SIDES, help="which side a --ref_size of one number is the length of "
                        "(default: as the model says; the shorter where it does not)")  # fmt: skip
    group = parser.add_argument_group("how the input is made, for models that this project did not write")
    group.add_argument("--mean", type=parse_finite, nargs=3, metavar="M", help="per channel, of values in [0, 1]")
    group.add_argument("--std", type=parse_finite, nargs=3, metavar="S", help="input = (value - mean) / std")
    group.add_argument("--multiple", type=parse_whole, metavar="N", help="both sides are a multiple of this")
    group.add_argument("--color", choices=("RGB", "BGR"), help="order of the channels")


def open_options(args: argparse.Namespace) -> dict[str, Any]:
    """Keyword arguments for `open_predictor` from what `add_model_arguments` added."""
    given = {f.name: value for f in fields(Preprocess) if (value := getattr(args, f.name)) is not None}
    if "ref_size" in given:
        sides = given["ref_size"]
        given["ref_size"] = sides[0] if len(sides) == 1 else tuple(sides)
    return {"threads": args.threads, "precision": args.precision, "preprocess": given}
