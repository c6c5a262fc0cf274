"""MODNet's three training losses, with the formulas of the official trainer (Ke et al., AAAI 2022, eq. 1-4)."""

import mindspore as ms
from mindspore import ops

from ..config.sections import LossSection
from ..models.portable import resize
from .objective import Objective, register

SEMANTIC_STRIDE = 16
# scipy.ndimage.gaussian_filter1d([0, 1, 0], sigma=0.8); the official 3x3 blur is the outer product of this with itself.
_BLUR_SIDE, _BLUR_CENTRE = 0.2502210306, 0.4995579387


def blur3x3(x: ms.Tensor) -> ms.Tensor:
    """Gaussian blur of [N, 1, H, W] with a 3x3 kernel (sigma 0.8) and mirrored borders."""
    x = _blur_axis(x, 2)
    return _blur_axis(x, 3)


def _blur_axis(x: ms.Tensor, axis: int) -> ms.Tensor:
    n = x.shape[axis]
    before = ops.cat((x.narrow(axis, 1, 1), x.narrow(axis, 0, n - 1)), axis=axis)
    after = ops.cat((x.narrow(axis, 1, n - 1), x.narrow(axis, n - 2, 1)), axis=axis)
    return _BLUR_CENTRE * x + _BLUR_SIDE * (before + after)


def modnet_losses(
    predictions: tuple[ms.Tensor, ms.Tensor, ms.Tensor],
    image: ms.Tensor,
    trimap: ms.Tensor,
    alpha: ms.Tensor,
    scales: tuple[float, float, float] = (10.0, 10.0, 1.0),
) -> tuple[ms.Tensor, ms.Tensor, ms.Tensor]:
    """Semantic, detail and matte loss, each already multiplied by its scale.

    Args:
        predictions: semantic [N, 1, H/16, W/16], detail and matte [N, 1, H, W], in [0, 1].
        image: network input [N, 3, H, W].
        trimap: [N, 1, H, W] of 0, 0.5 and 1.
        alpha: ground truth [N, 1, H, W] in [0, 1].
        scales: of the three losses, in their order.
    """
    semantic, detail, matte = predictions
    coarse = blur3x3(resize(alpha, alpha.shape[2] // SEMANTIC_STRIDE, alpha.shape[3] // SEMANTIC_STRIDE))
    semantic_loss = ops.square(semantic - coarse).mean()

    # Outside the unknown band the official code puts the trimap into prediction and truth alike, so what is
    # left there is zero for the detail loss, and |trimap - alpha| (no gradient) for the matte loss.
    band = (trimap == 0.5).astype(alpha.dtype)
    detail_loss = (band * ops.abs(detail - alpha)).mean()

    error = ops.abs(matte - alpha)
    band_error = band * error + (1 - band) * ops.abs(trimap - alpha)
    weighted = error + 4.0 * band_error
    # |I*p - I*a| = |I| |p - a|: the compositional term is the same map weighted by the image's magnitude,
    # here averaged over the three channels, as the official mean over [N, 3, H, W] does for both terms.
    composed = weighted * ops.abs(image).mean(axis=1, keep_dims=True)
    matte_loss = (weighted + composed).mean()
    return scales[0] * semantic_loss, scales[1] * detail_loss, scales[2] * matte_loss


@register("modnet")
def modnet_objective(loss: LossSection) -> Objective:
    """`modnet_losses` with the configuration's scales."""
    scales = loss.semantic_scale, loss.detail_scale, loss.matte_scale

    def losses(
        predictions: tuple[ms.Tensor, ...], image: ms.Tensor, trimap: ms.Tensor, alpha: ms.Tensor
    ) -> tuple[ms.Tensor, ...]:
        return modnet_losses(predictions, image, trimap, alpha, scales)

    return Objective(("semantic", "detail", "matte"), losses, facts=scales)
