"""PyTorch transcription of MODNet and its supervised losses: the oracle of our golden tests and benchmarks.

Source: Ke et al., "MODNet: Real-Time Trimap-Free Portrait Matting via Objective Decomposition", AAAI 2022;
parameter names follow the official checkpoint without its `module.` prefix. Inputs are RGB in [-1, 1].
"""

import itertools

import numpy as np
import torch
import torch.nn.functional as F
from scipy.ndimage import gaussian_filter
from torch import Tensor, nn


class ConvBNReLU6(nn.Sequential):
    def __init__(self, c_in: int, c_out: int, kernel: int, stride: int = 1, groups: int = 1):
        conv = nn.Conv2d(c_in, c_out, kernel, stride, (kernel - 1) // 2, groups=groups, bias=False)
        super().__init__(conv, nn.BatchNorm2d(c_out), nn.ReLU6())


class InvertedResidual(nn.Module):
    def __init__(self, c_in: int, c_out: int, stride: int, expansion: int):
        super().__init__()
        hidden = c_in * expansion
        self.residual = stride == 1 and c_in == c_out
        expand = [*ConvBNReLU6(c_in, hidden, 1)] if expansion != 1 else []
        depthwise = [*ConvBNReLU6(hidden, hidden, 3, stride, hidden)]
        project = [nn.Conv2d(hidden, c_out, 1, bias=False), nn.BatchNorm2d(c_out)]
        self.conv = nn.Sequential(*expand, *depthwise, *project)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.conv(x) if self.residual else self.conv(x)


class MobileNetV2(nn.Module):
    """Encoder at width 1.0. Any other encoder serves that has `channels` and returns the same three maps."""

    channels = (16, 24, 1280)

    def __init__(self):
        super().__init__()
        features, c_in = [ConvBNReLU6(3, 32, 3, 2)], 32
        for expansion, c_out, repeats, stride in [
            (1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1)
        ]:  # fmt: skip
            for i in range(repeats):
                features.append(InvertedResidual(c_in, c_out, stride if i == 0 else 1, expansion))
                c_in = c_out
        self.features = nn.Sequential(*features, ConvBNReLU6(c_in, 1280, 1))

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Image [B,3,H,W] -> maps at 1/2, 1/4 and 1/32 of its size."""
        enc2x = self.features[:2](x)
        enc4x = self.features[2:4](enc2x)
        return enc2x, enc4x, self.features[4:](enc4x)


class IBNorm(nn.Module):
    """Batch norm on the first half of the channels, instance norm (no affine) on the rest (Pan et al. 2018)."""

    def __init__(self, channels: int):
        super().__init__()
        self.half = channels // 2
        self.bnorm = nn.BatchNorm2d(self.half)

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([self.bnorm(x[:, : self.half]), F.instance_norm(x[:, self.half :])], 1)


class Conv(nn.Module):
    """Convolution with bias, then (unless `plain`) IBNorm and ReLU."""

    def __init__(self, c_in: int, c_out: int, kernel: int, stride: int = 1, plain: bool = False):
        super().__init__()
        layers = [nn.Conv2d(c_in, c_out, kernel, stride, kernel // 2)]
        self.layers = nn.Sequential(*layers if plain else [*layers, IBNorm(c_out), nn.ReLU()])

    def forward(self, x: Tensor) -> Tensor:
        return self.layers(x)


def up2(x: Tensor) -> Tensor:
    return F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)


def shrink(x: Tensor, factor: int) -> Tensor:
    return F.interpolate(x, scale_factor=1 / factor, mode="bilinear", align_corners=False)


class SEBlock(nn.Module):
    def __init__(self, channels: int):
        super().__init__()
        hidden = channels // 4
        fc = [nn.Linear(channels, hidden, bias=False), nn.ReLU(), nn.Linear(hidden, channels, bias=False), nn.Sigmoid()]
        self.fc = nn.Sequential(*fc)

    def forward(self, x: Tensor) -> Tensor:
        return x * self.fc(x.mean((2, 3)))[:, :, None, None]


class LRBranch(nn.Module):
    def __init__(self, channels: int):
        super().__init__()
        self.se_block = SEBlock(channels)
        self.conv_lr16x = Conv(channels, 96, 5)
        self.conv_lr8x = Conv(96, 32, 5)
        self.conv_lr = Conv(32, 1, 3, 2, plain=True)

    def forward(self, enc32x: Tensor) -> tuple[Tensor | None, Tensor]:
        lr8x = self.conv_lr8x(up2(self.conv_lr16x(up2(self.se_block(enc32x)))))
        return (torch.sigmoid(self.conv_lr(lr8x)) if self.training else None), lr8x


class HRBranch(nn.Module):
    def __init__(self, c2x: int, c4x: int, hr: int):
        super().__init__()
        self.tohr_enc2x = Conv(c2x, hr, 1)
        self.conv_enc2x = Conv(hr + 3, hr, 3, 2)
        self.tohr_enc4x = Conv(c4x, hr, 1)
        self.conv_enc4x = Conv(2 * hr, 2 * hr, 3)
        self.conv_hr4x = nn.Sequential(Conv(3 * hr + 3, 2 * hr, 3), Conv(2 * hr, 2 * hr, 3), Conv(2 * hr, hr, 3))
        widths = [2 * hr, 2 * hr, hr, hr, hr]
        self.conv_hr2x = nn.Sequential(*(Conv(a, b, 3) for a, b in itertools.pairwise(widths)))
        self.conv_hr = nn.Sequential(Conv(hr + 3, hr, 3), Conv(hr, 1, 1, plain=True))

    def forward(self, image: Tensor, enc2x: Tensor, enc4x: Tensor, lr8x: Tensor) -> tuple[Tensor | None, Tensor]:
        enc2x, enc4x = self.tohr_enc2x(enc2x), self.tohr_enc4x(enc4x)
        hr4x = self.conv_enc2x(torch.cat([shrink(image, 2), enc2x], 1))
        hr4x = self.conv_enc4x(torch.cat([hr4x, enc4x], 1))
        hr4x = self.conv_hr4x(torch.cat([hr4x, up2(lr8x), shrink(image, 4)], 1))
        hr2x = self.conv_hr2x(torch.cat([up2(hr4x), enc2x], 1))
        if not self.training:
            return None, hr2x
        return torch.sigmoid(self.conv_hr(torch.cat([up2(hr2x), image], 1))), hr2x


class FusionBranch(nn.Module):
    def __init__(self, hr: int):
        super().__init__()
        self.conv_lr4x = Conv(hr, hr, 5)
        self.conv_f2x = Conv(2 * hr, hr, 3)
        self.conv_f = nn.Sequential(Conv(hr + 3, hr // 2, 3), Conv(hr // 2, 1, 1, plain=True))

    def forward(self, image: Tensor, lr8x: Tensor, hr2x: Tensor) -> Tensor:
        f2x = self.conv_f2x(torch.cat([up2(self.conv_lr4x(up2(lr8x))), hr2x], 1))
        return torch.sigmoid(self.conv_f(torch.cat([up2(f2x), image], 1)))


class TorchMODNet(nn.Module):
    def __init__(self, encoder: nn.Module | None = None, hr: int = 32):
        super().__init__()
        self.backbone = nn.Module()
        self.backbone.model = encoder or MobileNetV2()
        c2x, c4x, c32x = self.backbone.model.channels
        self.lr_branch, self.hr_branch, self.f_branch = LRBranch(c32x), HRBranch(c2x, c4x, hr), FusionBranch(hr)

    def forward(self, image: Tensor) -> tuple[Tensor | None, Tensor | None, Tensor]:
        """Image [B,3,H,W] -> semantic [B,1,H/16,W/16], detail and matte [B,1,H,W]; the first two in training only."""
        enc2x, enc4x, enc32x = self.backbone.model(image)
        semantic, lr8x = self.lr_branch(enc32x)
        detail, hr2x = self.hr_branch(image, enc2x, enc4x, lr8x)
        return semantic, detail, self.f_branch(image, lr8x, hr2x)


def official_state(state: dict[str, np.ndarray]) -> dict[str, Tensor]:
    """Names of the official file -> ours: no `module.` prefix, and the second copy of the encoder left out."""
    names = {name: name.removeprefix("module.") for name in state}
    kept = {name: short for name, short in names.items() if not short.startswith("lr_branch.backbone.")}
    return {short: torch.from_numpy(np.array(state[name])) for name, short in kept.items()}


def blur(x: Tensor) -> Tensor:
    """The 3x3 Gaussian of the official trainer (sigma 0.8), reflected at the border; x: [B,1,h,w]."""
    delta = np.zeros((3, 3))
    delta[1, 1] = 1
    kernel = torch.tensor(gaussian_filter(delta, 0.8), dtype=x.dtype)[None, None]
    return F.conv2d(F.pad(x, (1, 1, 1, 1), mode="reflect"), kernel)


def losses(outputs: tuple[Tensor, Tensor, Tensor], image: Tensor, trimap: Tensor, matte: Tensor) -> list[Tensor]:
    """Semantic (x10), detail (x10) and matte loss; trimap of 0/0.5/1 and matte in [0,1], both [B,1,H,W]."""
    semantic, detail, alpha = outputs
    known = trimap != 0.5
    semantic_loss = 10 * F.mse_loss(semantic, blur(shrink(matte, 16)))
    detail_loss = 10 * F.l1_loss(torch.where(known, trimap, detail), torch.where(known, trimap, matte))
    edge = torch.where(known, trimap, alpha)
    alpha_loss = F.l1_loss(alpha, matte) + 4 * F.l1_loss(edge, matte)
    composition = F.l1_loss(image * alpha, image * matte) + 4 * F.l1_loss(image * edge, image * matte)
    return [semantic_loss, detail_loss, (alpha_loss + composition).mean()]
