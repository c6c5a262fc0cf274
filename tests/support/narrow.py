"""A MODNet of 16 thousand parameters with every kind of layer, and batches for it."""

from functools import cache
from pathlib import Path
from typing import Any

import mindspore as ms
import numpy as np

from benchmarks.reference.golden import training_batch
from src.checkpoint.file import Meta, load_weights, save_checkpoint, weights_of
from src.models.backbones import find_backbone
from src.models.build import MODNet, build_network
from src.spec.blocks import BlockSpec, Norm
from src.spec.encoder import EncoderSpec
from src.spec.modnet import ModNetSpec, modnet_spec
from src.spec.serialisation import NetworkSpec

half = Norm.half


def standard_spec(encoder: str = "mobilenetv2", **widths: int) -> ModNetSpec:
    """MODNet of the paper on a backbone by its name; `widths` as `modnet_spec` takes them."""
    return modnet_spec(find_backbone(encoder).encoder(), **widths)


def narrow_spec() -> ModNetSpec:
    """Few channels, but all five strides, a shortcut, a 5x5 depthwise kernel, odd counts and a plain batch norm."""
    blocks = (
        BlockSpec(hidden=6, out=6, kernel=3, stride=1, residual=True, expand=False),
        BlockSpec(hidden=12, out=8, kernel=3, stride=2, residual=False, expand=True),
        BlockSpec(hidden=16, out=8, kernel=3, stride=1, residual=True, expand=True),
        BlockSpec(hidden=16, out=10, kernel=3, stride=2, residual=False, expand=True),
        BlockSpec(hidden=20, out=12, kernel=5, stride=2, residual=False, expand=True),
        BlockSpec(hidden=24, out=12, kernel=3, stride=2, residual=False, expand=True),
    )
    return ModNetSpec(
        encoder=EncoderSpec("mobilenetv2", 6, blocks, head=16, taps=(1, 3)),
        se_hidden=4,
        lr16x=half(8),
        lr8x=half(6),
        tohr_enc2x=half(5),
        conv_enc2x=half(6),
        tohr_enc4x=Norm(4, 0),
        conv_enc4x=half(8),
        hr4x=(half(8), half(6), half(6)),
        hr2x=(half(8), half(6), half(5), half(4)),
        detail=half(4),
        lr4x=half(5),
        f2x=half(6),
        fusion=half(3),
    )


def narrow_batch(size: int = 96, batch: int = 3) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Image, trimap and alpha as `golden.training_batch` makes them."""
    return training_batch(size, 5, batch)


def narrow_state(seed: int = 0) -> dict[str, np.ndarray]:
    """Random weights for `narrow_spec` by our names, with statistics that are not those of a fresh network."""
    return dict(_narrow_state(seed))


@cache
def _narrow_state(seed: int) -> dict[str, np.ndarray]:
    return random_state(narrow_spec(), seed)


def random_state(spec: NetworkSpec, seed: int) -> dict[str, np.ndarray]:
    """Random weights by our names for the network of a spec, moving statistics included."""
    rng, state = np.random.default_rng(seed), {}
    for parameter in build_network(spec).get_parameters():
        shape, leaf = parameter.shape, parameter.name.rpartition(".")[2]
        if len(shape) > 1:
            value = rng.standard_normal(shape) * np.sqrt(2 / np.prod(shape[1:]))
        elif leaf in ("gamma", "moving_variance"):
            value = rng.uniform(0.7, 1.3, shape)
        else:
            value = 0.1 * rng.standard_normal(shape)
        state[parameter.name] = value.astype(np.float32)
    return state


def narrow_network(state: dict[str, np.ndarray] | None = None) -> MODNet:
    """A new narrow network with the weights `state` (default: `narrow_state()`), in inference mode."""
    network = build_network(narrow_spec())
    weights = {name: ms.Parameter(ms.Tensor(value)) for name, value in (state or narrow_state()).items()}
    load_weights(network, weights, "the narrow network")
    return network.set_train(False)


def save_narrow(path: Path, state: dict[str, np.ndarray] | None = None, **meta: Any) -> Path:
    """A checkpoint of the narrow network; `meta` replaces fields of its description."""
    network = narrow_network(state)
    fields = {"network": "modnet", "encoder": "mobilenetv2", "spec": narrow_spec()} | meta
    save_checkpoint(path, weights_of(network), Meta(**fields))
    return path
