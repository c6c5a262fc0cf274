"""One side of `train_step.py`: reads a number of steps a line, runs them, answers with a line of JSON.

python benchmarks/train_step_worker.py ours '{"batch": 4, "size": 256, "network": "dense", "threads": 2}'

`bf16` in the JSON keeps maps in bfloat16 (PyTorch: autocast), `channels_last` is PyTorch's layout of that name.
"""

import argparse
import json
import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np

from benchmarks.reference import golden
from src.backend.environment import prepare_environment
from src.checkpoint.conversion import Conversion, convert
from src.common.cli import run_command
from src.config.config import Config
from src.spec.preprocess import Preprocess

LR, MOMENTUM, SEED = 0.01, 0.9, 11
Step = Callable[[], list[float]]  # one training step; returns its semantic, detail and matte loss


def weights(network: str) -> Conversion:
    """The golden tests' weights: the official naming, or ModelCompression's pruned network."""
    if network == "dense":
        return convert(golden.checkpoint("official"))
    info = json.loads((golden.HERE / "compression_pruned_info.json").read_text())
    return convert(golden.checkpoint("compression_pruned"), prune_info=info)


def ours(case: dict[str, Any]) -> tuple[Step, dict[str, Any]]:
    path = prepare_environment("CPU")
    import mindspore as ms

    from src.backend.device import select_device
    from src.models.build import build_network
    from src.models.costs import count
    from src.training.objective import make_step

    select_device("CPU")
    found = weights(case["network"])
    network = build_network(found.spec)
    ms.load_param_into_net(network, {n: ms.Parameter(ms.Tensor(v), name=n) for n, v in found.state.items()}, True)
    # A multiplication and an addition: of the output, and of the gradients of the input and of the weights.
    gflop = 6e-9 * case["batch"] * count(network, case["size"], case["size"]).macs_with_heads
    network.set_train(True)
    config = Config.from_values(optimizer="sgd", lr=LR, momentum=MOMENTUM, amp_level="O2" if case.get("bf16") else "O0")
    train = make_step(network, Preprocess(), config, world=1)
    batch = golden.training_batch(case["size"], SEED, case["batch"])

    def step() -> list[float]:
        return list(train(batch, LR, 0).parts.values())

    return step, {"path": path, "gflop": round(gflop, 1)}


def pytorch(case: dict[str, Any]) -> tuple[Step, dict[str, Any]]:
    import torch

    from benchmarks.reference import torch_modnet
    from benchmarks.reference.torch_spec import torch_twin

    torch.set_num_threads(case["threads"])
    if case["network"] == "dense":
        network = torch_modnet.TorchMODNet()
        network.load_state_dict(torch_modnet.official_state(golden.checkpoint("official")))
    else:
        found = weights(case["network"])
        network = torch_twin(found.spec, found.state, torch.float32)
    network.train()
    half, layout = case.get("bf16", False), torch.contiguous_format
    if case.get("channels_last"):
        layout = torch.channels_last
        network = network.to(memory_format=layout)
    optimizer = torch.optim.SGD(network.parameters(), LR, MOMENTUM)
    arrays = golden.training_batch(case["size"], SEED, case["batch"])

    def step() -> list[float]:
        batch = [torch.from_numpy(array) for array in arrays]
        optimizer.zero_grad()
        with torch.autocast("cpu", torch.bfloat16, enabled=half):
            outputs = network(batch[0].to(memory_format=layout))
        losses = torch_modnet.losses([output.float() for output in outputs], *batch)
        sum(losses).backward()
        optimizer.step()
        return [float(loss.detach()) for loss in losses]

    return step, {"path": f"torch {torch.__version__}"}


SIDES = {"ours": ours, "pytorch": pytorch}


def resident_mb() -> float:
    """Memory that this process holds now."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * resource.getpagesize() / 2**20


def serve(step: Step, about: dict[str, Any]) -> None:
    for line in sys.stdin:
        seconds, cpu_seconds, losses = [], [], []
        for _ in range(int(line)):
            wall, cpu = time.perf_counter(), time.process_time()
            losses = step()
            seconds.append(time.perf_counter() - wall)
            cpu_seconds.append(time.process_time() - cpu)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        answer = {"seconds": seconds, "cpu_seconds": cpu_seconds, "losses": np.asarray(losses, float).tolist()}
        print("RESULT " + json.dumps({**answer, "peak_mb": peak, "rss_mb": resident_mb(), **about}), flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("side", choices=SIDES, help="whose step is run")
    parser.add_argument("case", type=json.loads, help="JSON with batch, size, network and threads")
    args = parser.parse_args()
    serve(*SIDES[args.side](args.case))


if __name__ == "__main__":
    run_command(main)
