"""Checkpoint -> one model file of a deployment format, proven equal before it appears."""

import os
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import onnx

from ..common.errors import ConfigError, OutputError
from ..common.files import make_folder, refuse_existing
from ..model_file.contract import Contract
from ..runtime.factory import open_predictor
from ..runtime.mindspore_runtime import MindSporePredictor, contract_of
from .mindir import write_mindir
from .onnx_model import ANY_SHAPE, Shape, onnx_model
from .openvino_ir import convert_onnx, save_ir
from .parity import Difference, check_parity


@dataclass(frozen=True)
class ExportOptions:
    """See `src.deploy.onnx_model.onnx_model`.

    Attributes:
        overwrite: replace files of an earlier export.
        layout: of the input, NCHW or NHWC; None is NHWC for pixels and NCHW for normalised input.
    """

    shape: Shape = ANY_SHAPE
    with_preprocess: bool = False
    overwrite: bool = False
    layout: str | None = None

    def __post_init__(self) -> None:
        if self.with_preprocess and self.layout == "NCHW":
            raise ConfigError("--with_preprocess takes pixels as they lie in an image, NHWC: leave --layout NCHW out.")

    @property
    def channels_last(self) -> bool:
        return self.layout == "NHWC"


@dataclass(frozen=True)
class ExportJob:
    """What a format's writer gets."""

    checkpoint: Path
    network: MindSporePredictor
    contract: Contract
    options: ExportOptions


def _write_onnx(job: ExportJob, path: Path) -> None:
    options = job.options
    form = options.shape, options.with_preprocess, options.channels_last
    model = onnx_model(job.network.network, job.contract, *form)
    onnx.save(model, path)


def _write_openvino(job: ExportJob, path: Path) -> None:
    with tempfile.TemporaryDirectory() as folder:
        _write_onnx(job, Path(folder) / "model.onnx")
        save_ir(convert_onnx(Path(folder) / "model.onnx"), job.contract, path)


def _write_mindir(job: ExportJob, path: Path) -> None:
    if job.options.with_preprocess or job.options.channels_last:
        raise ConfigError(
            "MINDIR takes normalised [N, 3, H, W] only: leave --with_preprocess out and --layout at NCHW, or use ONNX "
            "or OPENVINO."
        )
    write_mindir(job.checkpoint, job.contract, job.options.shape, path)


@dataclass(frozen=True)
class Format:
    """How a format is written, and the suffixes of the files that it makes, the one to open first."""

    write: Callable[[ExportJob, Path], None]
    suffixes: tuple[str, ...]


FORMATS = {
    "ONNX": Format(_write_onnx, (".onnx",)),
    "OPENVINO": Format(_write_openvino, (".xml", ".bin")),
    "MINDIR": Format(_write_mindir, (".mindir",)),
}


def find_format(name: str) -> Format:
    """One of `FORMATS`; ConfigError that says what to do about the others of the zoo."""
    if name in FORMATS:
        return FORMATS[name]
    hint = " AIR is made on an Ascend host: export MINDIR and convert it there." if name == "AIR" else ""
    raise ConfigError(f"`file_format` must be one of {', '.join(FORMATS)}, got {name!r}.{hint}")


def export(
    checkpoint: Path, file_format: str, folder: Path, options: ExportOptions
) -> tuple[list[Path], list[Difference]]:
    """Write `<checkpoint's stem><what is special>.<suffix>` into `folder`.

    Returns:
        The files, the one to open first, and how much its alpha differs from the checkpoint's.

    Raises:
        ConfigError: unknown format, or an option that it does not have.
        OutputError: the file is there already (and `overwrite` is off) or cannot be written.
        ExportError: the file does not compute what the checkpoint does; then none is left.
    """
    kind = find_format(file_format)
    network, meta = MindSporePredictor.from_checkpoint(checkpoint)
    contract = contract_of(meta, checkpoint)
    name = checkpoint.stem + _special(options)
    targets = [make_folder(folder) / (name + suffix) for suffix in kind.suffixes]
    if not options.overwrite:
        refuse_existing(*targets, cure="Give another --output_path, or --overwrite to replace it.")
    try:
        with tempfile.TemporaryDirectory(dir=folder, prefix=".export") as staging:
            path = Path(staging) / targets[0].name
            kind.write(ExportJob(checkpoint, network, contract, options), path)
            found = check_parity(network, open_predictor(path)[0])
            for target in reversed(targets):  # the one to open comes last
                (path.parent / target.name).chmod(0o644)  # MindSpore writes read-only files
                os.replace(path.parent / target.name, target)
    except OSError as error:
        raise OutputError(f"Cannot write to {folder} ({error.strerror or error}). Free the disk or choose another "
                          "--output_path.") from error  # fmt: skip
    return targets, found


def _special(options: ExportOptions) -> str:
    """What a file's name says about it: `_1x3x480x288` for fixed sides (0: free), `_u8` for pixel input,
    `_nhwc` for normalised input in that layout."""
    shape = "" if options.shape == ANY_SHAPE else "_" + "x".join(str(max(side, 0)) for side in options.shape)
    return shape + ("_u8" if options.with_preprocess else "_nhwc" if options.channels_last else "")
