"""How long each layer of a network takes in OpenVINO on this machine."""

import re
import time
from collections.abc import Callable, Collection, Iterable

import numpy as np
from mindspore import nn

from ..model_file.contract import Contract
from ..models.graph import trace
from ..spec.preprocess import Preprocess

_WARM_UP, _RUNS = 3, 15

Profile = dict[str, float]  # layer -> milliseconds
Profiler = Callable[[nn.Cell, int, int], Profile]  # (network, height, width of its input) -> its profile


def profile_openvino(network: nn.Cell, height: int, width: int) -> Profile:
    """Milliseconds of each layer on OpenVINO's CPU device in float32, scaled so that they add up to a whole run's."""
    from ..deploy.onnx_model import onnx_model  # needs onnx
    from ..runtime.openvino_runtime import openvino_core

    model = onnx_model(network, Contract(Preprocess()), (1, 3, height, width)).SerializeToString()
    core = openvino_core()
    options = {"PERFORMANCE_HINT": "LATENCY", "INFERENCE_PRECISION_HINT": "f32"}
    image = np.random.default_rng(0).uniform(-1, 1, (1, 3, height, width)).astype(np.float32)
    plain = core.compile_model(core.read_model(model), "CPU", options).create_infer_request()
    counting = core.compile_model(core.read_model(model), "CPU", options | {"PERF_COUNT": True}).create_infer_request()
    layers = {node.name for node in trace(network, height, width)}
    walls, profiles = [], []
    for run in range(_WARM_UP + _RUNS):
        start = time.perf_counter()
        plain.infer(image, share_inputs=True)
        wall = time.perf_counter() - start
        counting.infer(image, share_inputs=True)
        if run >= _WARM_UP:
            walls.append(1e3 * wall)
            entries = [(entry.node_name, 1e3 * entry.real_time.total_seconds()) for entry in counting.profiling_info]
            profiles.append(by_layer(entries, layers))
    return undisturbed(walls, [{layer: profile.get(layer, 0.0) for layer in layers} for profile in profiles])


def undisturbed(walls: list[float], profiles: list[Profile]) -> Profile:
    """The least of several runs, of each layer and of the whole, to which the layers' are scaled; milliseconds.

    What else a machine does only adds to a time, and meets layers of different runs.
    """
    least = {layer: min(profile[layer] for profile in profiles) for layer in profiles[0]}
    scale = min(walls) / sum(least.values())
    return {layer: spent * scale for layer, spent in least.items()}


def by_layer(entries: Iterable[tuple[str, float]], layers: Collection[str]) -> Profile:
    """Sum a runtime's operators, in order of execution, over the layers that they came from.

    Exported operators are named after their layer, as NAME, NAME_2 or NAME/STEP. What the runtime puts between them
    (layout changes, the halves of a fused norm) counts for the layer that comes next.
    """
    profile: Profile = {}
    waiting = 0.0
    for name, spent in entries:
        waiting += spent
        layer = name.partition("/")[0]
        layer = layer if layer in layers else re.sub(r"_\d+$", "", layer)
        if layer in layers:
            profile[layer] = profile.get(layer, 0.0) + waiting
            waiting = 0.0
    return profile
