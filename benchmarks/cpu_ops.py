"""The native CPU operators, shape by shape, against PyTorch's for the layers of a MODNet training step.

python benchmarks/cpu_ops.py --batch 4 --size 256 --json ops.json

Shapes are those that the network really meets; `count` says how often. Ours run on [N, H, W, C] and are called
without MindSpore around them, PyTorch's in its own NCHW; both in one process, taking turns, medians.
"forward", "dx" and "dw" are the output, the gradient of the input and that of the weights (PyTorch's with the bias).
"""

import argparse
import ctypes
import os
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
os.environ.setdefault("OMP_WAIT_POLICY", "passive")  # PyTorch's idle threads would spin while ours work

import numpy as np

from benchmarks.packages import TORCH, need
from src.backend import cpu_ops
from src.bench.report import machine, table, write_json
from src.bench.turns import median_seconds
from src.common.cli import run_command
from src.common.errors import DeviceError

if TYPE_CHECKING:
    import torch

Work = Callable[[], Any]
Row = dict[str, Any]
RELU = 1.0
TYPES = {"uint16": "bfloat16"}  # which NumPy does not have


def caller(name: str, arrays: list[np.ndarray]) -> Work:
    """A call of the library's function `name` with inputs and outputs; uint16 arrays hold bfloat16."""
    function = getattr(ctypes.CDLL(cpu_ops.library_path()), name)
    count = len(arrays)
    data = (ctypes.c_void_p * count)(*(a.ctypes.data for a in arrays))
    dims = (ctypes.c_int * count)(*(a.ndim for a in arrays))
    shapes = [(ctypes.c_int64 * a.ndim)(*a.shape) for a in arrays]
    pointers = (ctypes.c_void_p * count)(*(ctypes.addressof(s) for s in shapes))
    types = (ctypes.c_char_p * count)(*(TYPES.get(a.dtype.name, a.dtype.name).encode() for a in arrays))

    def call(keep: tuple = (arrays, shapes)) -> None:
        if function(count, data, dims, pointers, types, None, None):
            raise DeviceError(f"The native operator {name} failed; its message is above.")

    return call


def rand(*shape: int) -> np.ndarray:
    return np.random.default_rng(0).standard_normal(shape, dtype=np.float32)


def peak_gflops(half: bool, repeats: int = 20) -> float:
    """The highest rate that a convolution reaches, 1e9 operations a second: 64 to 64 channels, 3x3, 4 x 64 x 64."""
    side, channels = 64, 64
    x, weight, y = rand(4, side, side, channels), rand(channels, channels, 3, 3), rand(4, side, side, channels)
    if half:
        x, y = np.zeros(x.shape, np.uint16), np.zeros(y.shape, np.uint16)
    call = caller("conv_forward", [x, weight, np.array([1, 1, 1, 1, 1, 1, 1], np.int64), y])
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        call()
        times.append(time.perf_counter() - start)
    return 2e-9 * y.size * channels * 9 / min(times)


def convolution(key: tuple) -> dict[str, tuple[Work, Work]]:
    """Ours and PyTorch's forward, dx and dw for (n, h, w, in, out, kernel, stride, group, bias)."""
    import torch
    import torch.nn.functional as F

    n, h, w, c_in, c_out, k, stride, group, bias = key
    x, weight, b = rand(n, h, w, c_in), rand(c_out, c_in // group, k, k), rand(c_out)
    y = rand(n, -(-h // stride), -(-w // stride), c_out)
    attr = np.array([stride, *[k // 2] * 4, 1, group], np.int64)
    extra = [b] if bias else []
    ours = {
        "forward": caller("conv_forward", [x, weight, *extra, attr, y.copy()]),
        "dx": caller("conv_backward_data", [y, weight, x, attr, x.copy()]),
        "dw": caller("conv_backward_weights", [y, x, weight, attr, weight.copy(), *[b.copy()] * bias]),
    }
    tx, ty = (torch.from_numpy(a).permute(0, 3, 1, 2).contiguous() for a in (x, y))
    tw, tb = torch.from_numpy(weight), torch.from_numpy(b) if bias else None

    def gradient(*expected: bool) -> Work:
        settings = ([stride] * 2, [k // 2] * 2, [1, 1], False, [0, 0], group, expected)
        return lambda: torch.ops.aten.convolution_backward(ty, tx, tw, [c_out] if bias else None, *settings)

    theirs = {
        "forward": lambda: F.conv2d(tx, tw, tb, stride, k // 2, 1, group),
        "dx": gradient(True, False, False),
        "dw": gradient(False, True, bias),
    }
    return {name: (ours[name], theirs[name]) for name in ours}


def ibnorm(key: tuple) -> dict[str, tuple[Work, Work]]:
    """IBNorm and ReLU of (n, h, w, channels): forward, and forward with backward."""
    import torch
    import torch.nn.functional as F

    from benchmarks.reference.torch_modnet import IBNorm

    n, h, w, c = key
    half, x, dy = c // 2, rand(n, h, w, c), rand(n, h, w, c)
    ones, zeros, attr = np.ones(half, np.float32), np.zeros(half, np.float32), np.array([half, RELU, 1, 1e-5, 0.9])
    y, mean, inverse = np.empty_like(x), rand(n, c), rand(n, c)
    forward = caller("norm_forward", [x, ones, zeros, zeros, ones, attr, y, mean, inverse, zeros.copy(), ones.copy()])
    gradient_of = [dy, x, ones, zeros, mean, inverse, attr]
    backward = caller("norm_backward", [*gradient_of, np.empty_like(x), zeros.copy(), zeros.copy()])
    module = IBNorm(c)
    tx = torch.from_numpy(x).permute(0, 3, 1, 2).contiguous().requires_grad_()
    tdy = torch.from_numpy(dy).permute(0, 3, 1, 2).contiguous()
    result = [F.relu(module(tx))]

    def torch_forward() -> None:
        result[0] = F.relu(module(tx))

    return {
        "forward": (forward, torch_forward),
        "dx": (backward, lambda: torch.autograd.grad(result[0], [tx, *module.parameters()], tdy, retain_graph=True)),
    }


def layers(batch: int, size: int) -> tuple[Counter, Counter]:
    """How often each convolution and each IBNorm occurs in one step."""
    import torch

    from benchmarks.reference.torch_modnet import IBNorm, TorchMODNet

    convolutions, norms = Counter(), Counter()

    def note(module: "torch.nn.Module", inputs: tuple, _: Any) -> None:
        n, c, h, w = inputs[0].shape
        if isinstance(module, IBNorm):
            norms[n, h, w, c] += 1
        else:
            shape = (module.out_channels, module.kernel_size[0], module.stride[0], module.groups)
            convolutions[n, h, w, c, *shape, module.bias is not None] += 1

    network = TorchMODNet().train()
    for module in network.modules():
        if isinstance(module, torch.nn.Conv2d | IBNorm):
            module.register_forward_hook(note)
    with torch.no_grad():
        network(torch.zeros(batch, 3, size, size))
    return convolutions, norms


def milliseconds(works: tuple[Work, Work], repeats: int) -> tuple[float, float]:
    """Median milliseconds of ours and of PyTorch's, which take turns."""
    seconds = median_seconds({"ours": works[0], "pytorch": works[1]}, repeats)
    return 1e3 * seconds["ours"][0], 1e3 * seconds["pytorch"][0]


def compare(kind: str, key: tuple, count: int, works: dict[str, tuple[Work, Work]], repeats: int) -> Row:
    times = {name: [round(t, 3) for t in milliseconds(both, repeats)] for name, both in works.items()}
    ours, theirs = (sum(pair[side] for pair in times.values()) for side in (0, 1))
    return {"kind": kind, "shape": key, "count": count, "times": times, "ours": count * ours, "pytorch": count * theirs}


def cells(row: Row) -> list[str]:
    n, h, w, *rest = row["shape"]
    name = f"{n}x{h}x{w}x{rest[0]}"
    if row["kind"] == "convolution":
        name += f" -> {rest[1]} k{rest[2]}" + f" s{rest[3]}" * (rest[3] > 1) + " depthwise" * (rest[4] > 1)
    else:
        name += " IBNorm + ReLU"
    pairs = [row["times"].get(part) for part in ("forward", "dx", "dw")]
    values = [f"{pair[0]:.2f} / {pair[1]:.2f}" if pair else "" for pair in pairs]
    return [name, str(row["count"]), *values, f"{row['ours'] / row['pytorch']:.2f}"]


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--batch", type=int, default=4, help="images a step (default: %(default)s)")
    parser.add_argument("--size", type=int, default=256, help="side of the images (default: %(default)s)")
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)), help="default: one for each core")
    parser.add_argument("--repeats", type=int, default=7, help="turns that count (default: %(default)s)")
    parser.add_argument("--json", type=Path, help="also write the result to this file")
    return parser.parse_args()


def measure(args: argparse.Namespace) -> list[Row]:
    """All layers of a step, those that take our operators longest first."""
    convolutions, norms = layers(args.batch, args.size)
    rows = [compare("convolution", k, c, convolution(k), args.repeats) for k, c in convolutions.items()]
    rows += [compare("ibnorm", k, c, ibnorm(k), args.repeats) for k, c in norms.items()]
    return sorted(rows, key=lambda row: -row["ours"])


def main() -> None:
    args = parse_arguments()
    need("torch", TORCH)
    if not cpu_ops.available():
        raise DeviceError("The native operators are not built here. Run: python -m src.backend.cpu_ops.build")
    import torch

    os.environ["MODNET_CPU_THREADS"] = str(args.threads)
    torch.set_num_threads(args.threads)
    about = machine()
    rows = measure(args)
    head = ["shape", "count", *[f"{part}, ms" for part in ("forward", "dx", "dw")], "ratio"]
    print(f"{args.threads} threads on {about['cpu']}, load {about['load']}; ours / PyTorch\n")
    print(table(head, [cells(row) for row in rows]))
    ours, theirs = (sum(row[side] for row in rows) for side in ("ours", "pytorch"))
    print(f"\nall of a step's: {ours:.0f} / {theirs:.0f} ms, ratio {ours / theirs:.2f}")
    write_json(args.json, {"machine": about, "threads": args.threads, "ratio": round(ours / theirs, 3), "rows": rows})


if __name__ == "__main__":
    run_command(main)
