"""Where OpenVINO spends its time in an exported network, and what the graph's shape does to it.

python benchmarks/openvino_layers.py --ckpt_path MODNet_best.ckpt --shape 512x512 --threads 2 --layers 10
python benchmarks/openvino_layers.py --ckpt_path modnet-p --output layers.csv    # every layer in all ways; or layers.md

Three ways of writing the same network take turns: "plain" splits the channels for IBNorm, joins them again, and
upsamples before every convolution; "mask" blends by a constant mask instead; "exported" is what export.py writes, where
a wide convolution also multiplies before it upsamples. Milliseconds are medians of OpenVINO's own counters by kind of
operator, and by layer; the clock's stand below. Counting costs a little, so the clock is above that of an inference
without it.
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

from src.backend.device import select_device
from src.backend.environment import prepare_environment
from src.bench.options import table_path
from src.bench.report import machine, table, write_json, write_table
from src.bench.turns import in_turns
from src.common.cli import run_command
from src.common.sizes import parse_size, show_size

WAYS = ("plain", "mask", "exported")
Times = dict[str, list[float]]  # milliseconds of each run, by kind of operator
LayerTimes = dict[tuple[str, str], list[float]]  # the same by layer: its name and kind
LAYER_HEAD = ["layer", "kind", *(f"{way}, ms" for way in WAYS)]


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


def name_norms(model: Any) -> None:
    """Call instance norms, whose operators OpenVINO numbers otherwise in each way, after their layers."""
    for norm in (node for node in model.get_ops() if node.get_type_name() == "MVN"):
        node = norm
        while not node.get_friendly_name().endswith("/instance"):  # of the last of scale and shift, which follow
            takers = (taker.get_node() for taker in node.output(0).get_target_inputs())
            node = next(taker for taker in takers if taker.get_type_name() != "ShapeOf")
        norm.set_friendly_name(f"{node.get_friendly_name()}/mvn")


def requests(args: argparse.Namespace, shape: tuple[int, ...]) -> dict[str, Any]:
    """An infer request with counters for each way."""
    from src.deploy.onnx_model import onnx_model
    from src.runtime.mindspore_runtime import open_checkpoint
    from src.runtime.openvino_runtime import openvino_core

    core = openvino_core()
    predictor, contract = open_checkpoint(args.ckpt_path)
    found = {}
    for way in WAYS:
        with written(way):
            onnx = onnx_model(predictor.network, contract)
        model = core.read_model(onnx.SerializeToString())
        name_norms(model)
        model.reshape(shape)
        properties = {"PERFORMANCE_HINT": "LATENCY", "INFERENCE_NUM_THREADS": args.threads}
        properties |= {"INFERENCE_PRECISION_HINT": args.precision, "PERF_COUNT": True}
        found[way] = core.compile_model(model, "CPU", properties).create_infer_request()
    return found


def measure(request: Any, x: np.ndarray, kinds: Times, layers: LayerTimes) -> float:
    """One inference: adds its counters to `kinds` and `layers`, and returns the clock's milliseconds."""
    began = time.perf_counter()
    request.infer(x, share_inputs=True)
    clock = 1000 * (time.perf_counter() - began)
    by_kind: Counter[str] = Counter()
    by_layer: Counter[tuple[str, str]] = Counter()
    for layer in request.get_profiling_info():
        milliseconds, kind = 1000 * layer.real_time.total_seconds(), f"{layer.node_type} ({layer.exec_type})"
        by_kind[kind] += milliseconds
        by_layer[layer.node_name, kind] += milliseconds
    for found, run in ((kinds, by_kind), (layers, by_layer)):
        for key, milliseconds in run.items():
            found[key].append(milliseconds)
    return clock


def median(values: list[float] | None) -> float:
    return float(np.median(values)) if values else 0.0


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--ckpt_path", required=True, help="checkpoint, or a released model's name")
    parser.add_argument("--shape", type=parse_size, default=(512, 512), metavar="HxW", help="height x width (default: "
                        "512x512)")  # fmt: skip
    parser.add_argument("--threads", type=int, default=2, help="threads of the CPU (default: %(default)s)")
    parser.add_argument("--precision", default="f32", choices=("f32", "bf16"), help="default: %(default)s")
    parser.add_argument("--runs", type=int, default=20, help="inferences that count (default: %(default)s)")
    parser.add_argument("--layers", type=int, default=0, help="also print so many of the slowest layers")
    parser.add_argument("--output", type=table_path, metavar="FILE", help="also write all layers here (.csv, .md)")
    parser.add_argument("--json", type=Path, help="also write the numbers here")
    return parser.parse_args()


def main() -> None:
    args = parse_arguments()
    prepare_environment("CPU")
    select_device("CPU")
    shape = (1, 3, *args.shape)
    x = np.random.default_rng(0).uniform(-1, 1, shape).astype(np.float32)
    ways = requests(args, shape)
    kinds = {way: defaultdict(list) for way in ways}
    layers = {way: defaultdict(list) for way in ways}
    clock = {way: [] for way in ways}
    for way in in_turns(list(ways), 3):
        ways[way].infer(x)
    for way in in_turns(list(ways), args.runs):
        clock[way].append(measure(ways[way], x, kinds[way], layers[way]))
    report(args, kinds, layer_rows(layers), clock)


def layer_rows(layers: dict[str, LayerTimes]) -> list[list[str]]:
    """Cells under `LAYER_HEAD`, the slowest layer first; a dash where a way has no such layer or never executes it."""
    medians = {way: {layer: median(times) for layer, times in found.items()} for way, found in layers.items()}
    executed = {layer for found in medians.values() for layer, milliseconds in found.items() if milliseconds}
    rows = sorted((-max(found.get(layer, 0) for found in medians.values()), *layer) for layer in executed)
    times = ([found.get((name, kind)) for found in medians.values()] for _, name, kind in rows)
    return [
        [name, kind, *(f"{value:.3f}" if value else "-" for value in values)]
        for (_, name, kind), values in zip(rows, times, strict=True)
    ]


def report(
    args: argparse.Namespace, kinds: dict[str, Times], layers: list[list[str]], clock: dict[str, list[float]]
) -> None:
    medians = {way: {kind: median(times) for kind, times in found.items()} for way, found in kinds.items()}
    names = sorted({name for found in medians.values() for name in found}, key=lambda n: -medians["plain"].get(n, 0))
    rows = [[name, *(f"{found.get(name, 0):.1f}" for found in medians.values())] for name in names]
    rows = [row for row in rows if any(float(cell) >= 0.1 for cell in row[1:])]
    rows.append(["clock", *(f"{median(times):.1f}" for times in clock.values())])
    rows.append(["clock, fastest", *(f"{min(times):.1f}" for times in clock.values())])
    print(machine(), show_size(args.shape), args.precision, f"{args.threads} threads")
    print(table(["ms", *medians], rows))
    if args.layers:
        print(table(LAYER_HEAD, layers[: args.layers]))
    write_table(args.output, LAYER_HEAD, layers)
    write_json(args.json, {"machine": machine(), "medians": medians, "clock": clock})


if __name__ == "__main__":
    run_command(main)
