"""An MMNet of a thousand parameters with every kind of block, and its transcription in PyTorch."""

import mindspore as ms
import numpy as np
import torch
import torch.nn.functional as F

from src.models.build import MMNet, build_network
from src.spec.mmnet import JoinSpec, MMNetSpec, MultiBranchSpec
from tests.support.narrow import random_state

EPS = 1e-3


def narrow_mmnet_spec() -> MMNetSpec:
    """Branches of different widths, as pruning leaves them."""
    blocks = (
        MultiBranchSpec((4, 3, 2, 4), (1, 2, 4, 8), out=5, stride=2),
        MultiBranchSpec((5,), (2,), out=6),
        MultiBranchSpec((4, 3), (1, 4), out=7, stride=2),
        MultiBranchSpec((5,), (1,), out=8, stride=2, act="relu6"),
    )
    refine = (MultiBranchSpec((3, 4), (1, 2), out=6),)
    return MMNetSpec(4, blocks, (1, 3), JoinSpec(5, 4), JoinSpec(4, 3), refine, last=4)


def narrow_mmnet_state(seed: int = 0) -> dict[str, np.ndarray]:
    """Random weights by our names, with statistics that are not those of a fresh network."""
    return random_state(narrow_mmnet_spec(), seed)


def narrow_mmnet(state: dict[str, np.ndarray] | None = None) -> MMNet:
    """A new network with the weights `state` (default: `narrow_mmnet_state()`), in inference mode."""
    network = build_network(narrow_mmnet_spec())
    state = state or narrow_mmnet_state()
    for parameter in network.get_parameters():
        parameter.set_data(ms.Tensor(state[parameter.name]))
    return network.set_train(False)


class Oracle:
    """The network of the paper's table in PyTorch, float64, as plain functions of weights by our names.

    The logits are read after the upsampling, as the original does.
    """

    def __init__(self, spec: MMNetSpec, state: dict[str, np.ndarray], training: bool) -> None:
        self.spec, self.training = spec, training
        self.state = {name: torch.from_numpy(value).double() for name, value in state.items()}

    def __call__(self, image: np.ndarray) -> tuple[torch.Tensor, torch.Tensor]:
        """Logits and auxiliary logits."""
        spec, (first, second) = self.spec, self.spec.taps
        x = self.unit(torch.from_numpy(image).double(), "encoder.stem", stride=2)
        maps = []
        for k, block in enumerate(spec.blocks):
            stage, start = ("to4x", 0) if k < first else ("to8x", first) if k < second else ("to16x", second)
            x = self.block(x, f"encoder.{stage}.{k - start}", block)
            maps.append(x)
        y = self.join(x, maps[second - 1], "decoder.up8x")
        y = self.join(y, maps[first - 1], "decoder.up4x")
        for k, block in enumerate(spec.refine):
            y = self.block(y, f"decoder.refine.{k}", block)
        y = upsample(upsample(self.unit(y, "decoder.reduce")))
        return self.head(y, "decoder.head"), self.head(x, "auxiliary")

    def head(self, x: torch.Tensor, name: str) -> torch.Tensor:
        return F.conv2d(x, self.state[f"{name}.weight"], self.state[f"{name}.bias"])

    def block(self, x: torch.Tensor, name: str, spec) -> torch.Tensor:
        outs = []
        for k, rate in enumerate(spec.rates):
            branch = f"{name}.branches.{k}"
            y, last = self.unit(x, f"{branch}.0"), 1
            if spec.stride == 2:
                y, last = self.unit(y, f"{branch}.1", stride=2), 2
            outs.append(self.unit(y, f"{branch}.{last}", rate=rate))
        return self.unit(torch.cat(outs, 1), f"{name}.project", act=spec.act)

    def join(self, x: torch.Tensor, skip: torch.Tensor, name: str) -> torch.Tensor:
        skip = self.unit(self.unit(skip, f"{name}.skip.0"), f"{name}.skip.1")
        return torch.cat([upsample(self.unit(x, f"{name}.reduce")), skip], 1)

    def unit(self, x: torch.Tensor, name: str, stride: int = 1, rate: int = 1, act: str = "relu6") -> torch.Tensor:
        weight = self.state[f"{name}.conv.weight"]
        if weight.shape[2] == 3:
            x = F.pad(x, (0, 1, 0, 1) if stride == 2 else (rate,) * 4)
        depthwise = weight.shape[1] == 1 and weight.shape[0] == x.shape[1]
        y = F.conv2d(x, weight, None, stride, 0, rate, x.shape[1] if depthwise else 1)
        leaves = ("moving_mean", "moving_variance", "gamma", "beta")
        mean, variance, gamma, beta = (self.state[f"{name}.norm.bnorm.{leaf}"] for leaf in leaves)
        y = F.batch_norm(y, mean.clone(), variance.clone(), gamma, beta, self.training, 0.0, EPS)
        return F.relu6(y) if act == "relu6" else y


def upsample(x: torch.Tensor) -> torch.Tensor:
    """By two: output j at j / 2. The map with its last row and column repeated, corners aligned, less the last ones."""
    height, width = x.shape[2:]
    grown = F.interpolate(
        F.pad(x, (0, 1, 0, 1), mode="replicate"), (2 * height + 1, 2 * width + 1), mode="bilinear", align_corners=True
    )
    return grown[:, :, :-1, :-1]
