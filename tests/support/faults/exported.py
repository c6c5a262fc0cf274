"""Damaged and foreign ONNX files and OpenVINO IRs."""

import shutil
import struct
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper

from tests.support.faults.case import Case, Place, malformed
from tests.support.faults.pictures import cut
from tests.support.faults.weights import empty, folder, garbage, pipe, readers


def _onnx(place: Place, path: Path) -> str:
    """An ONNX file that is no matting network; returns what it is."""
    world = place.world
    how = place.rng.choice(("cut", "empty", "garbage", "three channels", "two inputs", "classifier", "NaN",
                            "deep metadata", "strange contract", "pipe", "folder", "bytes"))  # fmt: skip
    if how in ("empty", "garbage", "pipe", "folder"):
        {"empty": empty, "garbage": garbage, "pipe": pipe, "folder": folder}[how](place, path)
        return how
    if how == "cut":
        cut(place, path, world.onnx)
        return how
    if how == "bytes":
        data = bytearray(world.onnx.read_bytes())
        at = place.rng.randrange(len(data) // 2)
        data[at : at + 400] = place.rng.randbytes(400)
        path.write_bytes(bytes(data))
        return how
    model = onnx.load(str(world.onnx))
    if how in ("deep metadata", "strange contract"):
        for entry in model.metadata_props:
            if entry.value.startswith("{"):
                deep = how == "deep metadata"
                entry.value = "[" * 100_000 if deep else place.rng.choice(("[]", "{}", '{"mean": "x"}', "null"))
    elif how == "NaN":
        weight = next(t for t in model.graph.initializer if t.data_type == TensorProto.FLOAT and len(t.dims) == 4)
        weight.raw_data = np.full(tuple(weight.dims), np.nan, np.float32).tobytes()
    else:
        model = _foreign_graph(how)
    onnx.save(model, str(path))
    return how


def _foreign_graph(how: str) -> onnx.ModelProto:
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 3, 64, 64])
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, None)
    inputs = [x]
    nodes = [helper.make_node("Sigmoid", ["x"], ["y"])]
    if how == "two inputs":
        inputs.append(helper.make_tensor_value_info("z", TensorProto.FLOAT, [1, 3, 64, 64]))
        nodes = [helper.make_node("Add", ["x", "z"], ["y"])]
    elif how == "classifier":
        nodes = [helper.make_node("ReduceMean", ["x"], ["y"], axes=[2, 3], keepdims=0)]
    graph = helper.make_graph(nodes, "g", inputs, [y])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)


@malformed("exported network")
def broken_onnx(place: Place) -> Case:
    path = place.folder / "b.onnx"
    how = _onnx(place, path)
    programs = readers(place, path)
    program = place.rng.choice(sorted(programs))
    expect = (2,)
    # The bytes may be those of a weight, and a contract that says nothing is that of a foreign network.
    if how in ("bytes", "strange contract", "three channels", "classifier"):
        expect = (0, 2) if how in ("bytes", "strange contract") else (2,)
    if how == "NaN" and program in ("image2npz", "offline_prepare", "benchmark"):
        expect = (0, 2)  # the first two never run it, and a benchmark's input is noise
    return Case(how, program, tuple(map(str, programs[program])), expect, place.output)


broken_onnx_again = malformed("exported network")(broken_onnx)


@malformed("exported network")
def broken_ir(place: Place) -> Case:
    """OpenVINO's two files, of which one is damaged or missing."""
    world = place.world
    path, binary = place.folder / "b.xml", place.folder / "b.bin"
    shutil.copyfile(world.xml, path)
    shutil.copyfile(world.xml.with_suffix(".bin"), binary)
    how = place.rng.choice(("no .bin", "empty .bin", "cut .bin", "cut .xml", "empty .xml", "bomb", "garbage .xml"))
    if how == "no .bin":
        binary.unlink()
    elif how == "empty .bin":
        binary.write_bytes(b"")
    elif how == "cut .bin":
        binary.write_bytes(binary.read_bytes()[:1000])
    elif how == "cut .xml":
        cut(place, path, world.xml)
    elif how == "bomb":
        entities = "".join(f'<!ENTITY e{i} "{f"&e{i - 1};" * 10}">' for i in range(1, 12))
        path.write_text(f'<?xml version="1.0"?><!DOCTYPE n [<!ENTITY e0 "x">{entities}]><net name="&e11;"/>')
    else:
        path.write_bytes(b"" if "empty" in how else struct.pack("<500d", *np.linspace(0, 1, 500)))
    programs = readers(place, path)
    program = place.rng.choice(sorted(programs))
    return Case(how, program, tuple(map(str, programs[program])), output=place.output)
