"""Our networks with the golden weights. As a program: all golden mattes into an .npz file.

python -m tests.support.golden_networks OUT.npz
"""

import json
import sys
from functools import cache

from src.backend.device import select_device
from src.backend.environment import prepare_environment

prepare_environment("CPU")  # before MindSpore, when this is the program

import mindspore as ms  # noqa: E402
import numpy as np  # noqa: E402

from benchmarks.reference import golden  # noqa: E402
from src.checkpoint.conversion import Conversion, convert  # noqa: E402
from src.checkpoint.file import load_weights  # noqa: E402
from src.models.build import MODNet, build_network  # noqa: E402

# golden output: kind of weights, height, width
MATTES = {
    "matte_512x512": ("official", 512, 512),
    "matte_288x480": ("official", 288, 480),
    "dense_matte_512x512": ("compression", 512, 512),
    "pruned_matte_512x512": ("compression_pruned", 512, 512),
}


@cache
def conversion(kind: str) -> Conversion:
    info = golden.HERE / f"{kind}_info.json"
    return convert(golden.checkpoint(kind), prune_info=json.loads(info.read_text()) if info.exists() else None)


@cache
def network(kind: str) -> MODNet:
    source = conversion(kind)
    assert source.problems == ()
    cell = build_network(source.spec)
    load_weights(cell, {name: ms.Parameter(ms.Tensor(value)) for name, value in source.state.items()}, kind)
    return cell.set_train(False)


@cache
def expected() -> dict[str, np.ndarray]:
    """The golden outputs by name."""
    arrays = {}
    for name in ("expected", "compression_expected"):
        with np.load(golden.HERE / f"{name}.npz") as file:
            arrays |= file
    return arrays


def golden_input(name: str) -> np.ndarray:
    kind, height, width = MATTES[name]
    return golden.image(height, width, 11 if kind == "official" else 23)


def golden_matte(name: str) -> np.ndarray:
    """Our network's answer, [height, width]."""
    output = network(MATTES[name][0])(ms.Tensor(golden_input(name)))
    assert output.shape == (1, 1, *MATTES[name][1:])
    return output.asnumpy()[0, 0]


if __name__ == "__main__":
    select_device("CPU")
    np.savez(sys.argv[1], **{name: golden_matte(name) for name in MATTES})
