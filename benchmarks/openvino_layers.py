"""Where OpenVINO spends its time in an exported network, and what the graph's shape does to it.

python benchmarks/openvino_layers.py --ckpt_path MODNet_best.ckpt --shape 512x512 --threads 2 --layers 10

Three ways of writing the same network take turns: "plain" splits the channels for IBNorm, joins them again, and
upsamples before every convolution; "mask" blends by a constant mask instead; "exported" is what export.py writes, where
a wide convolution also multiplies before it upsamples. Milliseconds are medians of OpenVINO's own counters by kind of
operator; the clock's stand below. Counting costs a little, so the clock is above that of an inference without it.
"""

import argparse
import contextlib
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.report import machine, table, write_json
from src.cli import run_command
from src.device import prepare_environment, select_device

Times = dict[str, list[float]]  # milliseconds of each run, by operator


def split_norm(graph: Any, y: str, node: Any) -> str:
    """IBNorm as its definition says: the first channels go through, the others are normalised, both are joined."""
    from onnx import helper

    cell, name = node.cell, node.name
    one = graph.constant(f"{name}.one", np.ones(cell.inorm_channels, np.float32))
    zero = graph.constant(f"{name}.zero", np.zeros(cell.inorm_channels, np.float32))
    if cell.bn == 0:
        return graph.op("InstanceNormalization", [y, one, zero], f"{name}/instance", epsilon=cell.eps)
    sizes = graph.constant(f"{name}.sizes", np.array([cell.bn, cell.inorm_channels]))
    left, right = f"{name}/left", f"{name}/right"
    graph.nodes.append(helper.make_node("Split", [y, sizes], [left, right], f"{name}/split", axis=1))
    right = graph.op("InstanceNormalization", [right, one, zero], f"{name}/instance", epsilon=cell.eps)
    return graph.op("Concat", [left, right], f"{name}/join", axis=1)


@contextlib.contextmanager
def written(way: str) -> Iterator[None]:
    """Within, networks are written in one of the three ways."""
    from src.deploy import emitters

    with contextlib.ExitStack() as stack:
        if way == "plain":
            stack.enter_context(mock.patch.object(emitters, "_instance_norm", split_norm))
        if way in ("plain", "mask"):
            stack.enter_context(mock.patch.object(emitters, "_upsamples_late", lambda emission, node: False))
        yield


def requests(args: argparse.Namespace, shape: tuple[int, ...]) -> dict[str, Any]:
    """An infer request with counters for each way."""
    from src.deploy.onnx_model import onnx_model
    from src.runtime.mindspore_runtime import open_checkpoint
    from src.runtime.openvino_runtime import import_openvino

    core = import_openvino().Core()
    predictor, contract = open_checkpoint(Path(args.ckpt_path))
    found = {}
    for way in ("plain", "mask", "exported"):
        with written(way):
            onnx = onnx_model(predictor.network, contract)
        model = core.read_model(onnx.SerializeToString())
        model.reshape(shape)
        properties = {"PERFORMANCE_HINT": "LATENCY", "INFERENCE_NUM_THREADS": args.threads}
        properties |= {"INFERENCE_PRECISION_HINT": args.precision, "PERF_COUNT": True}
        found[way] = core.compile_model(model, "CPU", properties).create_infer_request()
    return found


def measure(request: Any, x: np.ndarray, kinds: Times, layers: Times) -> float:
    """One inference: adds its counters to `kinds` and `layers`, and returns the clock's milliseconds."""
    began = time.perf_counter()
    request.infer(x, share_inputs=True)
    clock = 1000 * (time.perf_counter() - began)
    run: Counter[str] = Counter()
    for layer in request.get_profiling_info():
        milliseconds = 1000 * layer.real_time.total_seconds()
        run[f"{layer.node_type} ({layer.exec_type})"] += milliseconds
        layers[layer.node_name].append(milliseconds)
    for kind, milliseconds in run.items():
        kinds[kind].append(milliseconds)
    return clock


def median(values: list[float] | None) -> float:
    return float(np.median(values)) if values else 0.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--ckpt_path", required=True)
    parser.add_argument("--shape", default="512x512", help="height x width (default: 512x512)")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--precision", default="f32", choices=("f32", "bf16"))
    parser.add_argument("--runs", type=int, default=20)
    parser.add_argument("--layers", type=int, default=0, help="also list so many of the slowest layers as exported")
    parser.add_argument("--json", type=Path, help="also write the numbers here")
    args = parser.parse_args()
    prepare_environment("CPU")
    select_device("CPU")
    shape = (1, 3, *map(int, args.shape.split("x")))
    x = np.random.default_rng(0).uniform(-1, 1, shape).astype(np.float32)
    ways = requests(args, shape)
    kinds = {way: defaultdict(list) for way in ways}
    layers = {way: defaultdict(list) for way in ways}
    clock = {way: [] for way in ways}
    for _ in range(3):
        for request in ways.values():
            request.infer(x)
    for _ in range(args.runs):
        for way, request in ways.items():
            clock[way].append(measure(request, x, kinds[way], layers[way]))
    report(args, kinds, layers["exported"], clock)


def report(args: argparse.Namespace, kinds: dict[str, Times], layers: Times, clock: dict[str, list[float]]) -> None:
    medians = {way: {kind: median(times) for kind, times in found.items()} for way, found in kinds.items()}
    names = sorted({name for found in medians.values() for name in found}, key=lambda n: -medians["plain"].get(n, 0))
    rows = [[name, *(f"{found.get(name, 0):.1f}" for found in medians.values())] for name in names]
    rows = [row for row in rows if any(float(cell) >= 0.1 for cell in row[1:])]
    rows.append(["clock", *(f"{median(times):.1f}" for times in clock.values())])
    rows.append(["clock, fastest", *(f"{min(times):.1f}" for times in clock.values())])
    print(machine(), args.shape, args.precision, f"{args.threads} threads")
    print(table(["ms", *medians], rows))
    slowest = sorted(((median(times), name) for name, times in layers.items()), reverse=True)[: args.layers]
    if slowest:
        print(table(["layer", "ms"], [[name, f"{milliseconds:.2f}"] for milliseconds, name in slowest]))
    write_json(args.json, {"machine": machine(), "medians": medians, "clock": clock})


if __name__ == "__main__":
    run_command(main)
