"""MMNet's five training losses (Seo et al., arXiv 1904.03816, and the constants of its original trainer)."""

from collections.abc import Sequence

import mindspore as ms
from mindspore import ops

from ..config.sections import MMNET_LOSSES, LossSection
from ..models.two_class import person_logit
from .objective import Objective, register

AUXILIARY_STRIDE = 16


def mmnet_losses(
    predictions: tuple[ms.Tensor, ms.Tensor],
    image: ms.Tensor,
    alpha: ms.Tensor,
    weights: Sequence[float] = (1.0, 1.0, 1.0, 1.0, 1.0),
    faithful: bool = False,
) -> tuple[ms.Tensor, ...]:
    """Alpha, composition, gradient, distillation and auxiliary loss, each times its weight over the sum of weights.

    Args:
        predictions: logits of background and person, [N, 2, H, W], and of the auxiliary head, [N, 2, H/16, W/16].
        image: RGB in [0, 1], [N, 3, H, W].
        alpha: ground truth [N, 1, H, W] in [0, 1], never binarised.
        weights: of the five losses, in their order.
        faithful: divide the image of the composition loss by 255 once more, as the original program does; that makes
            this loss 1/255 of what the paper means.
    """
    logit, auxiliary = person_logit(predictions[0]), person_logit(predictions[1])
    difference = ops.sigmoid(logit) - alpha
    absolute = ops.abs(difference)
    # |I*a - I*m| = I |a - m|, averaged over the three channels as well.
    composition = (image.mean(axis=1, keep_dims=True) * absolute).mean() / (255.0 if faithful else 1.0)
    # The nearest pixel of the original's resize is the first of each cell.
    coarse = alpha[:, :, ::AUXILIARY_STRIDE, ::AUXILIARY_STRIDE]
    parts = (
        absolute.mean(),
        composition,
        # Sobel filters are linear: the difference of two maps' gradients is the gradient of their difference.
        (ops.abs(sobel(difference, 3)).mean() + ops.abs(sobel(difference, 2)).mean()) / 2,
        cross_entropy(logit, alpha),
        cross_entropy(auxiliary, coarse),
    )
    total = sum(weights)
    return tuple([weight / total * part for weight, part in zip(weights, parts)])  # noqa: B905 (no `strict` in graphs)


def cross_entropy(logit: ms.Tensor, alpha: ms.Tensor) -> ms.Tensor:
    """Mean cross-entropy between the softmax of two logits, given by their difference, and (1 - alpha, alpha).

    -(1 - m) log(1 - p) - m log p with p = sigmoid(d) is softplus(d) - m d.
    """
    softplus = ops.relu(logit) + ops.log(1 + ops.exp(-ops.abs(logit)))
    return (softplus - alpha * logit).mean()


def sobel(x: ms.Tensor, axis: int) -> ms.Tensor:
    """3x3 Sobel derivative of [N, 1, H, W] along an axis (2 or 3), taps divided by 8, zeros beyond the border."""
    before, after = neighbours(x, axis)
    slope = after - before
    before, after = neighbours(slope, 5 - axis)
    return (before + 2 * slope + after) / 8


def neighbours(x: ms.Tensor, axis: int) -> tuple[ms.Tensor, ms.Tensor]:
    """The map moved by one pixel either way: at each pixel the one before it and the one after it, 0 where none is."""
    n = x.shape[axis]
    zero = ops.zeros_like(x.narrow(axis, 0, 1))
    before = ops.cat((zero, x.narrow(axis, 0, n - 1)), axis=axis)
    after = ops.cat((x.narrow(axis, 1, n - 1), zero), axis=axis)
    return before, after


@register("mmnet")
def mmnet_objective(loss: LossSection) -> Objective:
    """`mmnet_losses` with the configuration's weights; its depthwise kernels have no weight decay."""
    weights = tuple(getattr(loss, name) for name in MMNET_LOSSES)
    faithful = loss.composition == "faithful"

    def losses(
        predictions: tuple[ms.Tensor, ...], image: ms.Tensor, trimap: ms.Tensor, alpha: ms.Tensor
    ) -> tuple[ms.Tensor, ...]:
        return mmnet_losses(predictions, image, alpha, weights, faithful)

    return Objective(("alpha", "comp", "grad", "kd", "aux"), losses, (*weights, faithful), decay_depthwise=False)
