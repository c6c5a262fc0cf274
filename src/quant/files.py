"""Variants as files: each with its contract, under its final name only when it is whole."""

import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import onnx
from onnx import helper

from ..common.errors import OutputError
from ..deploy.openvino_ir import save_ir
from ..model_file.contract import CONTRACT_KEY, Contract
from ..runtime.openvino_runtime import openvino_core
from .source import Source


def variant_contract(source: Source, note: Mapping[str, Any], scores: Mapping[str, float]) -> Contract:
    """The source's contract with a note of how the file was quantised; its scores are the file's own."""
    return replace(source.contract, quantization=dict(note), scores=dict(scores))


def save_onnx(model: onnx.ModelProto, contract: Contract, path: Path) -> None:
    """Write an ONNX model with its contract inside."""
    helper.set_model_props(model, {CONTRACT_KEY: contract.to_json()})
    onnx.save(model, path)


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


def publish(staged: Path, target: Path) -> None:
    """Move a finished model from a folder on the same disk to its name."""
    try:
        for part in files_of(staged):
            os.replace(part, target.with_suffix(part.suffix))
    except OSError as error:
        raise OutputError(f"Cannot write {target} ({error.strerror}). Choose another --output_path.") from error
