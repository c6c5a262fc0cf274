"""PyTorch transcription of MODNet for any `ModNetSpec`, with our parameter names: the oracle for other widths.

`torch_modnet.py` is checked against the golden outputs and knows the paper's widths alone; `test_golden.py` checks
that both agree on those.
"""

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from benchmarks.reference.torch_modnet import shrink, up2
from src.spec.blocks import BlockSpec, Norm
from src.spec.encoder import EncoderSpec
from src.spec.modnet import ModNetSpec

ACTIVATIONS = {"relu6": F.relu6, "relu": F.relu, "hswish": F.hardswish, "leaky_relu": F.leaky_relu, "silu": F.silu}
OUR_LEAVES = {"weight": "gamma", "bias": "beta", "running_mean": "moving_mean", "running_var": "moving_variance"}


class SameConv(nn.Conv2d):
    """TensorFlow's rule: outputs = ceil(inputs / stride), and the odd zero goes to the bottom and right."""

    def forward(self, x: Tensor) -> Tensor:
        pads = []
        for axis in (3, 2):
            size, kernel, stride = x.shape[axis], self.kernel_size[0], self.stride[0]
            total = max((-(-size // stride) - 1) * stride + kernel - size, 0)
            pads += [total // 2, total - total // 2]
        return F.conv2d(F.pad(x, pads), self.weight, self.bias, self.stride, 0, 1, self.groups)


class IBNorm(nn.Module):
    def __init__(self, norm: Norm, eps: float):
        super().__init__()
        self.counts, self.eps = (norm.bn, norm.inorm), eps
        if norm.bn:
            self.bnorm = nn.BatchNorm2d(norm.bn, eps=eps)

    def forward(self, x: Tensor) -> Tensor:
        left, right = x.split(self.counts, 1)
        parts = [self.bnorm(left)] if self.counts[0] else []
        return torch.cat([*parts, *([F.instance_norm(right, eps=self.eps)] if self.counts[1] else [])], 1)


class Unit(nn.Module):
    def __init__(
        self, c_in: int, norm: Norm, kernel: int, stride=1, groups=1, bias=False, act=None, eps=1e-5, same=False
    ):
        super().__init__()
        kind, padding = (SameConv, 0) if same else (nn.Conv2d, kernel // 2)
        self.conv = kind(c_in, norm.channels, kernel, stride, padding, groups=groups, bias=bias)
        self.norm, self.act = IBNorm(norm, eps), act or (lambda x: x)

    def forward(self, x: Tensor) -> Tensor:
        return self.act(self.norm(self.conv(x)))


class Block(nn.Module):
    def __init__(self, c_in: int, block: BlockSpec, encoder: EncoderSpec):
        super().__init__()
        hidden, self.residual, same = Norm(block.hidden, 0), block.residual, encoder.same_padding
        act = ACTIVATIONS[encoder.act]
        if block.expand:
            self.expand = Unit(c_in, hidden, 1, act=act, eps=encoder.bn_eps)
        self.depthwise = Unit(
            block.hidden, hidden, block.kernel, block.stride, block.hidden, act=act, eps=encoder.bn_eps, same=same
        )
        self.project = Unit(block.hidden, Norm(block.out, 0), 1, eps=encoder.bn_eps)

    def forward(self, x: Tensor) -> Tensor:
        y = self.project(self.depthwise(self.expand(x) if hasattr(self, "expand") else x))
        return x + y if self.residual else y


class Encoder(nn.Module):
    def __init__(self, spec: EncoderSpec):
        super().__init__()
        plain = {"act": ACTIVATIONS[spec.act], "eps": spec.bn_eps}
        self.stem = Unit(3, Norm(spec.stem, 0), 3, 2, same=spec.same_padding, **plain)
        inputs = [spec.stem, *(block.out for block in spec.blocks)]
        blocks = [Block(c_in, block, spec) for c_in, block in zip(inputs, spec.blocks, strict=False)]
        first, second = spec.taps
        self.to2x, self.to4x = nn.Sequential(*blocks[:first]), nn.Sequential(*blocks[first:second])
        self.to32x = nn.Sequential(*blocks[second:])
        self.head = Unit(inputs[-1], Norm(spec.head, 0), 1, **plain)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        enc2x = self.to2x(self.stem(x))
        enc4x = self.to4x(enc2x)
        return enc2x, enc4x, self.head(self.to32x(enc4x))


def unit(c_in: int, norm: Norm, kernel: int, stride: int = 1) -> Unit:
    return Unit(c_in, norm, kernel, stride, bias=True, act=F.relu)


def head(c_in: int, kernel: int, stride: int = 1) -> nn.Module:
    module = nn.Module()
    module.conv = nn.Conv2d(c_in, 1, kernel, stride, kernel // 2)
    return module


class SpecMODNet(nn.Module):
    """Image [B,3,H,W] -> semantic [B,1,H/16,W/16], detail and matte [B,1,H,W], in training and evaluation alike."""

    def __init__(self, spec: ModNetSpec):
        super().__init__()
        c2, c4 = spec.encoder.tap_channels
        self.encoder = Encoder(spec.encoder)
        lr, hr, f = nn.Module(), nn.Module(), nn.Module()
        lr.se = nn.Module()
        lr.se.fc1 = nn.Linear(spec.encoder.head, spec.se_hidden, bias=False)
        lr.se.fc2 = nn.Linear(spec.se_hidden, spec.encoder.head, bias=False)
        lr.conv_lr16x = unit(spec.encoder.head, spec.lr16x, 5)
        lr.conv_lr8x = unit(spec.lr16x.channels, spec.lr8x, 5)
        lr.head = head(spec.lr8x.channels, 3, 2)
        hr.tohr_enc2x, hr.tohr_enc4x = unit(c2, spec.tohr_enc2x, 1), unit(c4, spec.tohr_enc4x, 1)
        hr.conv_enc2x = unit(3 + spec.tohr_enc2x.channels, spec.conv_enc2x, 3, 2)
        hr.conv_enc4x = unit(spec.conv_enc2x.channels + spec.tohr_enc4x.channels, spec.conv_enc4x, 3)
        hr.conv_hr4x = chain(spec.conv_enc4x.channels + spec.lr8x.channels + 3, spec.hr4x)
        hr.conv_hr2x = chain(spec.hr4x[-1].channels + spec.tohr_enc2x.channels, spec.hr2x)
        hr.conv_hr, hr.head = unit(spec.hr2x[-1].channels + 3, spec.detail, 3), head(spec.detail.channels, 1)
        f.conv_lr4x = unit(spec.lr8x.channels, spec.lr4x, 5)
        f.conv_f2x = unit(spec.lr4x.channels + spec.hr2x[-1].channels, spec.f2x, 3)
        f.conv_f, f.head = unit(spec.f2x.channels + 3, spec.fusion, 3), head(spec.fusion.channels, 1)
        self.lr_branch, self.hr_branch, self.f_branch = lr, hr, f

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        lr8x, hr2x, matte = self.deployed(image)
        detail = self.hr_branch.head.conv(self.hr_branch.conv_hr(torch.cat([up2(hr2x), image], 1)))
        return torch.sigmoid(self.lr_branch.head.conv(lr8x)), torch.sigmoid(detail), matte

    def deployed(self, image: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """What inference computes: the maps lr8x and hr2x, which the heads of training take, and the matte."""
        lr, hr, f = self.lr_branch, self.hr_branch, self.f_branch
        enc2x, enc4x, enc32x = self.encoder(image)
        gate = torch.sigmoid(lr.se.fc2(F.relu(lr.se.fc1(enc32x.mean((2, 3))))))
        lr8x = lr.conv_lr8x(up2(lr.conv_lr16x(up2(enc32x * gate[:, :, None, None]))))
        lr4x = up2(lr8x)
        enc2x, enc4x = hr.tohr_enc2x(enc2x), hr.tohr_enc4x(enc4x)
        hr4x = hr.conv_enc2x(torch.cat([shrink(image, 2), enc2x], 1))
        hr4x = hr.conv_hr4x(torch.cat([hr.conv_enc4x(torch.cat([hr4x, enc4x], 1)), lr4x, shrink(image, 4)], 1))
        hr2x = hr.conv_hr2x(torch.cat([up2(hr4x), enc2x], 1))
        f2x = f.conv_f2x(torch.cat([up2(f.conv_lr4x(lr4x)), hr2x], 1))
        return lr8x, hr2x, torch.sigmoid(f.head.conv(f.conv_f(torch.cat([up2(f2x), image], 1))))


def chain(c_in: int, norms: tuple[Norm, ...]) -> nn.Sequential:
    widths = [c_in, *(norm.channels for norm in norms)]
    return nn.Sequential(*(unit(width, norm, 3) for width, norm in zip(widths, norms, strict=False)))


def our_name(name: str) -> str:
    """Parameter name of `SpecMODNet` -> MindSpore's."""
    stem, _, leaf = name.rpartition(".")
    return f"{stem}.{OUR_LEAVES[leaf]}" if stem.endswith(".bnorm") else name


def named_tensors(twin: SpecMODNet) -> dict[str, Tensor]:
    """Weights and statistics by our names; writing into them changes the network."""
    tensors = twin.state_dict().items()
    return {our_name(name): tensor for name, tensor in tensors if not name.endswith("num_batches_tracked")}


def torch_twin(spec: ModNetSpec, state: dict[str, np.ndarray], dtype: torch.dtype = torch.float64) -> SpecMODNet:
    """The oracle with the weights `state` (our names), which it must use up; in evaluation mode."""
    twin = SpecMODNet(spec).to(dtype)
    tensors = named_tensors(twin)
    assert set(tensors) == set(state)
    for name, tensor in tensors.items():
        tensor.copy_(torch.from_numpy(np.array(state[name])))
    return twin.eval()
