"""Losses of self-supervised adaptation: MODNet's parts made to agree with one another on images without alpha.

Source: Ke et al., AAAI 2022, "SOC for Real-World Data", with the constants of the official trainer.
"""

import mindspore as ms
from mindspore import ops

from ..config.sections import SocSection
from ..models.portable import resize
from .modnet import SEMANTIC_STRIDE, blur3x3
from .objective import Objective

FOREGROUND, LEAST = 0.1, 0.01
BAND_SHARE = 0.05


def soc_objective(soc: SocSection) -> Objective:
    """The two terms of `soc_losses` with the configuration's scales.

    What other objectives take as trimap and alpha are here the detail and the matte of the backup.
    """
    scales = soc.soc_semantic_scale, soc.soc_detail_scale

    def losses(
        predictions: tuple[ms.Tensor, ...], image: ms.Tensor, backup_detail: ms.Tensor, backup_matte: ms.Tensor
    ) -> tuple[ms.Tensor, ...]:
        return soc_losses(predictions, backup_detail, backup_matte, scales)

    return Objective(("soc_semantic", "soc_detail"), losses, facts=scales)


def soc_losses(
    predictions: tuple[ms.Tensor, ms.Tensor, ms.Tensor],
    backup_detail: ms.Tensor,
    backup_matte: ms.Tensor,
    scales: tuple[float, float] = (100.0, 1.0),
) -> tuple[ms.Tensor, ms.Tensor]:
    """Semantic and detail consistency, each times its scale.

    Semantic: mean squared difference between the semantic matte and the shrunken, blurred matte, once with the one and
    once with the other held fixed (a fixed value of at most 0.01 counts as 0). Detail: absolute differences of detail
    and matte to those of the backup, averaged over the `boundary` band; an image without a band counts 0.

    Args:
        predictions: semantic [N, 1, H/16, W/16], detail and matte [N, 1, H, W] of the network that learns, in [0, 1].
        backup_detail: detail of its copy from before, [N, 1, H, W].
        backup_matte: matte of that copy, [N, 1, H, W].
        scales: of the two losses, in their order.
    """
    semantic, detail, matte = predictions
    height, width = matte.shape[2], matte.shape[3]
    coarse = blur3x3(resize(matte, height // SEMANTIC_STRIDE, width // SEMANTIC_STRIDE))
    semantic_loss = ops.square(semantic - _fixed(coarse)).mean() + ops.square(coarse - _fixed(semantic)).mean()
    band = ops.stop_gradient(boundary(semantic, matte))
    detail_loss = _band_mean(band, detail - backup_detail) + _band_mean(band, matte - backup_matte)
    return scales[0] * semantic_loss, scales[1] * detail_loss


def _fixed(target: ms.Tensor) -> ms.Tensor:
    target = ops.stop_gradient(target)
    return target * (target > LEAST).astype(target.dtype)


def _band_mean(band: ms.Tensor, difference: ms.Tensor) -> ms.Tensor:
    """Mean over images of the mean absolute difference within each one's band."""
    area = ops.maximum(band.sum((1, 2, 3)), ops.ones_like(band[:, 0, 0, 0]))
    return ((band * ops.abs(difference)).sum((1, 2, 3)) / area).mean()


def boundary(semantic: ms.Tensor, matte: ms.Tensor) -> ms.Tensor:
    """[N, 1, H, W] of 0 and 1: where the grey dilation and the grey erosion of the foreground differ.

    The foreground is where the matte exceeds 0.1, times the share to which the semantic matte around it does. The
    windows are squares of 5 % of the image's mean side.
    """
    height, width = matte.shape[2], matte.shape[3]
    sure = resize((semantic > FOREGROUND).astype(matte.dtype), height, width)
    foreground = (matte > FOREGROUND).astype(matte.dtype) * sure
    side = int((height + width) / 2 * BAND_SHARE)
    before, after = side // 2, side - 1 - side // 2
    # Beyond the border there is nothing that could raise a maximum; foreground lies in [0, 1], so zeros do for both.
    dilated = _window_maximum(foreground, side, after, before)
    eroded = 1 - _window_maximum(1 - foreground, side, before, after)
    return (dilated != eroded).astype(matte.dtype)


def _window_maximum(x: ms.Tensor, side: int, before: int, after: int) -> ms.Tensor:
    """Maximum over windows that reach `before` pixels back and `after` pixels on, along rows and along columns."""
    x = ops.pad(x, (before, after, before, after))
    x = ops.MaxPool(kernel_size=(1, side), strides=1, pad_mode="valid")(x)
    return ops.MaxPool(kernel_size=(side, 1), strides=1, pad_mode="valid")(x)
