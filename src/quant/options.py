"""What quantize.py was asked for, checked: which variants of which model, from which images.

It may be said by flags, by a build file (YAML), or by both; flags that are given replace the file's values.
"""

import argparse
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from ..common.checks import check_choice
from ..common.cli import parse_finite, parse_seed, parse_share, parse_whole
from ..common.errors import ConfigError
from ..common.text import nearest
from ..config.yaml_file import read_yaml
from ..model_file.formats import CHECKPOINT, ONNX, format_of
from ..model_file.releases import find_model
from .registry import Backend, find_backend, known_backends

DTYPES = ("fp16", "bf16", "int8")
_OF_BACKENDS = ("method", "preset", "bias_correction")  # fields of `Variant` that one backend's int8 has
_OF_VARIANTS = ("dtype", "type", *_OF_BACKENDS, "keep_float", "equalise")
_OF_CALIBRATION = {"calibration": "folder", "calibration_size": "size", "seed": "seed"}


@dataclass(frozen=True)
class Variant:
    """One file to make.

    Attributes:
        dtype: fp16 (weights stored in half precision, computed in float32), bf16 (the fp16 file, to be opened in
            bf16) or int8 (weights and maps in 8 bits).
        type: the runtime that the file is for.
        method: how onnxruntime's int8 chooses the range of each map: kl (least divergence of the rounded
            distribution), percentile (99.999 % of the values) or minmax (all of them); None is minmax.
        preset: of NNCF: performance rounds maps symmetrically, which is faster; mixed gives each map a zero point.
            None is mixed for a network with instance norm, else performance.
        bias_correction: of NNCF: shifts of a layer's mean output are put into its bias, estimated layer by layer
            (fast), with all layers before it in 8 bits (full, slow), or not (off).
        keep_float: layers, by the names of their convolutions, that stay in float whatever the scores.
        equalise: int8: bring instance-normalised channels to the range of the others first (`src.quant.equalise`).
    """

    dtype: str = "int8"
    type: str = "openvino"
    method: str | None = None
    preset: str | None = None
    bias_correction: str | None = None
    keep_float: tuple[str, ...] = ()
    equalise: bool = True

    def __post_init__(self) -> None:
        check_choice("dtype", self.dtype, DTYPES)
        backend = self.backend
        if self.dtype == "bf16" and not backend.bf16:
            able = " or ".join(f"`{other.name}`" for other in known_backends() if other.bf16)
            raise ConfigError(f"{self.type} does not compute in bf16 on a CPU; take {able} for bf16.")
        for name in _OF_BACKENDS:
            _check_int8_option(self, name)
        if not isinstance(self.keep_float, list | tuple) or not all(isinstance(n, str) for n in self.keep_float):
            raise ConfigError(f"`keep_float` is a list of layers' names, got {self.keep_float!r}.")
        object.__setattr__(self, "keep_float", tuple(self.keep_float))
        if not isinstance(self.equalise, bool):
            raise ConfigError(f"`equalise` is True or False, got {self.equalise!r}.")

    @property
    def backend(self) -> Backend:
        """The backend of `type`; ConfigError for an unknown one."""
        return find_backend(self.type)

    @property
    def label(self) -> str:
        """What is appended to the model's name. A bf16 model is the fp16 file."""
        if self.dtype != "int8":
            return "fp16"
        ranges = None if self.equalise else "unequalised"
        return "_".join(["int8", *filter(None, (self.method, self.preset, self._correction(), ranges))])

    def _correction(self) -> str | None:
        return None if self.bias_correction is None else f"{self.bias_correction}-bias"

    @property
    def precision(self) -> str:
        """In which the file is to be opened (`src.runtime.factory.open_predictor`)."""
        return "bf16" if self.dtype == "bf16" else "f32"


def _check_int8_option(variant: Variant, name: str) -> None:
    value = getattr(variant, name)
    if value is False:  # YAML reads a bare `off` so
        value = "off"
        object.__setattr__(variant, name, value)
    owners = [backend for backend in known_backends() if name in backend.choices]
    if value is None:
        return
    check_choice(name, value, tuple(dict.fromkeys(v for owner in owners for v in owner.choices[name].values)))
    if variant.dtype != "int8" or variant.backend not in owners:
        raise ConfigError(
            f"`{name}` is a choice of {' and '.join(owner.name for owner in owners)}'s int8, not of {variant.type}'s "
            f"{variant.dtype}. Leave it out."
        )
    check_choice(name, value, variant.backend.choices[name].values)


@dataclass(frozen=True)
class Calibration:
    """Images that the ranges of maps are taken from.

    Attributes:
        folder: of images; None takes those of the configuration's training set.
        size: how many, chosen by `seed`.
    """

    folder: str | None = None
    size: int = 64
    seed: int = 0

    def __post_init__(self) -> None:
        for name, least in (("size", 1), ("seed", 0)):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int) or value < least:
                raise ConfigError(
                    f"`{name}` of `calibration` must be a whole number of at least {least}, got {value!r}."
                )


@dataclass(frozen=True)
class QuantizationJob:
    """Everything that one call makes.

    Attributes:
        model: .onnx file of export.py, or a checkpoint, which is exported on the way; a released model's name means
            its checkpoint. Here it is the file's path.
        output: folder for the files.
        backend: the variants to make.
        config: YAML file with the data sets; None where none is needed.
        input_shape: of a checkpoint's export, as `src.deploy.options.parse_shape` reads it.
        max_mse_increase: over the float model's on the validation images; None measures no budget.
        max_minutes: that the search for layers to keep in float may take, for each int8 variant.
        validation_size: how many validation images are scored, from the first; None: all.
        overwrite: replace files of an earlier call.
    """

    model: str
    output: str = "./output"
    backend: tuple[Variant, ...] = (Variant(),)
    config: str | None = None
    calibration: Calibration = field(default_factory=Calibration)
    input_shape: str | None = None
    max_mse_increase: float | None = None
    max_minutes: float = 3.0
    validation_size: int | None = None
    overwrite: bool = False

    def __post_init__(self) -> None:
        for name in ("model", "output", "config"):
            value = getattr(self, name)
            if not isinstance(value, str) and (name != "config" or value is not None):
                raise ConfigError(f"`{name}` must be a path, got {value!r}.")
        object.__setattr__(self, "model", str(find_model(self.model, (".ckpt",))))
        form = format_of(Path(self.model))
        if form not in (ONNX, CHECKPOINT):
            raise ConfigError(f"Quantisation starts from an ONNX file of export.py or from a checkpoint, got "
                              f"'{self.model}'. Give the .onnx or .ckpt file.")  # fmt: skip
        if self.input_shape is not None and form is not CHECKPOINT:
            raise ConfigError("`input_shape` is for a checkpoint; an ONNX file has its shape. Export it with that one.")
        if self.max_mse_increase is not None and self.config is None and self.calibration.folder is None:
            raise ConfigError("`max_mse_increase` needs images to score: give --config with a `val_dataset`.")
        _check_minutes(self.max_minutes)
        size = self.validation_size
        if size is not None and (isinstance(size, bool) or not isinstance(size, int) or size < 1):
            raise ConfigError(f"`validation_size` must be a whole number of at least 1, got {size!r}.")
        files = [(variant.label, variant.precision, variant.type) for variant in self.backend]
        if len(set(files)) < len(files):
            raise ConfigError("Two of the variants would be the same file: each `backend` once.")


def _check_minutes(value: Any) -> None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not value > 0:
        raise ConfigError(f"`max_minutes` must be a number above 0, got {value!r}.")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the flags that `from_args` reads; the parser must leave out what is not given (argparse.SUPPRESS)."""
    add = parser.add_argument
    backends = known_backends()
    add("--build", help="YAML file with the values below; flags that are given replace its own")
    add("--model", help=".onnx file of export.py, a checkpoint, or a released model's name (its checkpoint)")
    add("-c", "--config", help="YAML file with the training set to calibrate with and the validation set to score on")
    add("--output_path", dest="output", help="folder for the files (default: ./output)")
    add("--dtype", help=f"{', '.join(DTYPES)} (default: {Variant.dtype})")
    add("--backend", dest="type", help=f"{' or '.join(b.name for b in backends)} (default: {Variant.type})")
    for name in _OF_BACKENDS:
        texts = [f"of {b.name}'s int8: {', '.join(b.choices[name].values)} (default: {b.choices[name].default})"
                 for b in backends if name in b.choices]  # fmt: skip
        add(f"--{name}", help="; ".join(texts))
    add("--keep_float", nargs="+", metavar="LAYER", help="layers that stay in float")
    add("--calibration", metavar="FOLDER", help="images to calibrate with (default: the training set)")
    add("--calibration_size", type=parse_whole, metavar="N", help="how many of them (default: 64)")
    add("--seed", type=parse_seed, help="which of them (default: 0)")
    add("--input_shape", help="of a checkpoint: N,3,H,W for a fixed input (default: all free)")
    add("--max_mse_increase", metavar="SHARE",
        help="such as 10%%: int8 keeps layers in float until the MSE is within it")  # fmt: skip
    add("--max_minutes", type=parse_finite, metavar="M", help="for the search of --max_mse_increase (default: 3)")
    add("--no_equalise", dest="equalise", action="store_false",
        help="int8: leave the ranges of instance-normalised channels as they are, to compare")  # fmt: skip
    add("--validation_size", type=parse_whole, metavar="N", help="score the first N labelled images (default: all)")
    add("--overwrite", action="store_true", help="replace files of an earlier call")


def from_args(args: argparse.Namespace) -> QuantizationJob:
    """The job that the command line asks for, with what its build file says; raises as `read_job` does."""
    given = dict(vars(args))
    values = read_yaml(Path(given.pop("build")), "build file") if "build" in given else {}
    backend = {name: given.pop(name) for name in _OF_VARIANTS if name in given}
    calibration = {key: given.pop(flag) for flag, key in _OF_CALIBRATION.items() if flag in given}
    if backend and "backend" in values:
        raise ConfigError(f"--{next(iter(backend))} would change every `backend` of the build file; change it there.")
    if calibration:
        given["calibration"] = (values.get("calibration") or {}) | calibration
    return read_job(values | given | ({"backend": backend} if backend else {}))


def read_job(values: Mapping[str, Any]) -> QuantizationJob:
    """A job from plain values, as a build file has them; ConfigError names an unknown key's nearest one."""
    values = dict(values)
    _check_keys(QuantizationJob, values, "the build")
    if "model" not in values:
        raise ConfigError("Which model? Give --model FILE.onnx, or `model: FILE.onnx` in the build file.")
    backends = values.get("backend", {})
    backends = backends if isinstance(backends, list) else [backends]
    if not backends:
        raise ConfigError("`backend` is an empty list: name at least one variant.")
    values["backend"] = tuple(_read(Variant, part, "`backend`") for part in backends)
    values["calibration"] = _read(Calibration, values.get("calibration", {}), "`calibration`")
    if isinstance(values.get("input_shape"), list):
        values["input_shape"] = ",".join(map(str, values["input_shape"]))
    if values.get("max_mse_increase") is not None:
        values["max_mse_increase"] = _share(values["max_mse_increase"])
    return QuantizationJob(**values)


def _read(kind: type, values: Any, section: str) -> Any:
    if not isinstance(values, Mapping):
        raise ConfigError(f"{section} must hold `key: value` lines, got {values!r}.")
    _check_keys(kind, values, section)
    return kind(**values)


def _check_keys(kind: type, values: Mapping[str, Any], section: str) -> None:
    known = [f.name for f in fields(kind)]
    for key in values:
        if key not in known:
            raise ConfigError(f"Unknown key `{key}` in {section}.{nearest(key, known)}")


def _share(value: Any) -> float:
    try:
        return parse_share(str(value))
    except argparse.ArgumentTypeError as error:
        raise ConfigError(f"`max_mse_increase`: {error}.") from error
