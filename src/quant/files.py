"""Variants as files: each with its contract, under its final name only when it is whole."""

import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import onnx
from onnx import helper

from src.errors import OutputError
from src.quant.source import Source
from src.runtime.contract import CONTRACT_KEY, Contract
from src.runtime.openvino_runtime import import_openvino, openvino_core


def variant_contract(source: Source, note: Mapping[str, Any], scores: Mapping[str, float]) -> Contract:
    """The source's contract with a note of how the file was quantised; its scores are the file's own."""
    return replace(source.contract, quantization=dict(note), scores=dict(scores))


def save_onnx(model: onnx.ModelProto, contract: Contract, path: Path) -> None:
    helper.set_model_props(model, {CONTRACT_KEY: contract.to_json()})
    onnx.save(model, path)


def save_ir(model: Any, contract: Contract, path: Path) -> None:
    """Write an `openvino.Model` as `path` (.xml) and the .bin file beside it; OutputError where that cannot be."""
    openvino = import_openvino()
    model.set_rt_info(contract.to_json(), [CONTRACT_KEY])
    try:
        openvino.save_model(model, str(path), compress_to_fp16=False)
    except RuntimeError as error:  # a full disk, for one
        raise OutputError(f"OpenVINO cannot write {path}: {error}") from error


def stamp(path: Path, contract: Contract) -> None:
    """Replace the contract of a model that is written already."""
    if path.suffix == ".onnx":
        save_onnx(onnx.load(path), contract, path)
        return
    stamped = path.with_name(f"stamped-{path.name}")
    save_ir(openvino_core().read_model(path), contract, stamped)  # reads the .bin file while it writes
    publish(stamped, path)


def files_of(path: Path) -> list[Path]:
    """All files of a model, the one to open last."""
    return [path.with_suffix(".bin"), path] if path.suffix == ".xml" else [path]


def refuse_existing(paths: list[Path]) -> None:
    for path in paths:
        if path.exists():
            raise OutputError(f"{path} is there already. Give another --output_path, or --overwrite to replace it.")


def publish(staged: Path, target: Path) -> None:
    """Move a finished model from a folder on the same disk to its name."""
    try:
        for part in files_of(staged):
            os.replace(part, target.with_suffix(part.suffix))
    except OSError as error:
        raise OutputError(f"Cannot write {target} ({error.strerror}). Choose another --output_path.") from error
