"""Open any model file: the suffix decides on the runtime, which is imported only then."""

import os
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from ..common.errors import ModelError
from ..common.log import logger
from ..model_file.contract import Contract
from ..model_file.releases import verified_model
from .base import Predictor
from .options import RuntimeOptions, not_installed, only_f32


def open_predictor(
    path: str | Path,
    device: str = "CPU",
    threads: int | None = None,
    precision: str | None = None,
    *,
    device_id: int = 0,
    preprocess: Mapping[str, Any] | None = None,
) -> tuple[Predictor, Contract]:
    """Load a model file, ready for `Predictor.predict`.

    Args:
        path: `.ckpt` or `.mindir` (MindSpore), `.onnx` (onnxruntime) or `.xml` (OpenVINO IR); or a released model's
            name (see `src.model_file.releases`).
        device: the runtime's name of a device: CPU, GPU, NPU; Ascend and auto for MindSpore.
        threads: threads of the CPU; None leaves them to the runtime. MindSpore takes them once a process.
        precision: f32, bf16 or f16, in which a floating-point model is computed, as far as the runtime has it; None
            is f32, also where the runtime itself would choose less.
        device_id: which of several GPUs or Ascend cards.
        preprocess: fields of `Preprocess`, all of them for a model without contract. Of a model with one only
            `ref_size` is used, in place of its own (see `at_size`); the contract returned is the file's.

    Raises:
        ModelError, CheckpointError: the file is missing, damaged, foreign or of an unknown kind, or has no contract
            and `preprocess` lacks a field; or it does not take inputs of `ref_size`.
        ConfigError: an option has no sensible value.
        DeviceError: the device, or the precision on it, or the runtime itself is not here.
    """
    path = verified_model(path)
    if path.suffix not in _OPENERS:
        raise ModelError(f"'{path}' is no model file: known are {', '.join(_OPENERS)}.")
    options = RuntimeOptions(device, device_id, threads, precision or "f32", preprocess or {})
    predictor, contract = _OPENERS[path.suffix](path, options)
    at_size(predictor, options.preprocess.get("ref_size"), path)
    return predictor, contract


def at_size(predictor: Predictor, ref_size: int | tuple[int, int] | None, path: Path) -> None:
    """Let `prepare` make inputs of `ref_size`: the shorter side in pixels, or (height, width) of every input.

    Nothing changes for None and for what the model says itself.

    Raises:
        ModelError: the model takes inputs of one size only, or sides that are a multiple of another number.
    """
    preprocess, form = predictor.preprocess, predictor.form
    if ref_size is None or ref_size == preprocess.ref_size or ref_size == form.size:
        return
    if form.size is not None:
        raise ModelError(f"{path} takes only inputs of {_sides(form.size)} (height x width), not {_sides(ref_size)}: "
                         "leave --ref_size out, or export it without --input_shape.")  # fmt: skip
    pair, multiple = isinstance(ref_size, tuple), preprocess.multiple
    if any(side % multiple for side in ref_size) if pair else ref_size < multiple:
        raise ModelError(f"--ref_size is {_sides(ref_size)}; {path} takes a shorter side of at least {multiple} pixels "
                         f"or a height and a width that are multiples of {multiple}.")  # fmt: skip
    if pair and not isinstance(preprocess.ref_size, tuple):  # a network of any size, resampled as it is used to
        predictor.form = replace(form, size=ref_size)
    else:
        predictor.preprocess = replace(preprocess, ref_size=ref_size)


def _sides(size: int | tuple[int, int]) -> str:
    return "x".join(map(str, size)) if isinstance(size, tuple) else str(size)


def _mindspore(path: Path, options: RuntimeOptions) -> tuple[Predictor, Contract]:
    from ..backend.device import select_device
    from ..backend.environment import prepare_environment

    only_f32(options.precision, "MindSpore")
    if options.threads:
        os.environ["OMP_NUM_THREADS"] = str(options.threads)
    if path.suffix == ".mindir":
        _prepare_for_portable_operators(path)
    if message := prepare_environment(options.device):  # before the first import of MindSpore
        logger.info(message)
    try:
        from .mindspore_runtime import open_checkpoint, open_mindir
    except ImportError as error:
        raise not_installed("mindspore==2.10.0", error) from error
    select_device(options.device, options.device_id)
    return open_checkpoint(path) if path.suffix == ".ckpt" else open_mindir(path, options.preprocess)


def _prepare_for_portable_operators(path: Path) -> None:
    """MindIR holds MindSpore's own operators, for which a process has to set up the CPU before it imports MindSpore."""
    if "mindspore" not in sys.modules:
        os.environ.setdefault("MODNET_CPU_OPS", "0")
    elif os.environ.get("MODNET_CPU_OPS") != "0":
        logger.warning("%s: opened after a checkpoint, MindIR may be very slow on this CPU. Run it alone.", path)


def _onnx(path: Path, options: RuntimeOptions) -> tuple[Predictor, Contract]:
    from .onnx_runtime import open_onnx

    return open_onnx(path, options)


def _openvino(path: Path, options: RuntimeOptions) -> tuple[Predictor, Contract]:
    from .openvino_runtime import open_openvino

    return open_openvino(path, options)


_OPENERS = {".ckpt": _mindspore, ".mindir": _mindspore, ".onnx": _onnx, ".xml": _openvino}
