"""What the portable layout needs beside MindSpore's own operators, on [N, C, H, W]; it runs on every device."""

import mindspore as ms
from mindspore import nn, ops


def resize(x: ms.Tensor, height: int, width: int, legacy: bool = False) -> ms.Tensor:
    """Bilinear on [N, C, H, W], no anti-aliasing.

    Pixel centres are at half positions (PyTorch's `align_corners=False`); with `legacy`, output j lies at
    j * in / out of the input, as TensorFlow 1 resized.
    """
    return ops.ResizeBilinearV2(half_pixel_centers=not legacy)(x, (height, width))


class InstanceNorm(nn.Cell):
    """Instance norm without affine parameters on [N, C, H, W].

    `nn.InstanceNorm2d` has no CPU kernel. A batch norm in training mode over [1, N*C, H, W] computes the
    same numbers, and its kernel exists on every device. The kernel also writes moving statistics into its own
    inputs; momentum 0 makes it write back what was there, or the shared constants would change under other layers.
    """

    def __init__(self, eps: float) -> None:
        super().__init__()
        self.norm = ops.BatchNorm(is_training=True, epsilon=eps, momentum=0.0)

    def construct(self, x: ms.Tensor) -> ms.Tensor:
        """[N, C, H, W] -> the same shape, each channel of each image with mean 0 and variance 1."""
        n, c, h, w = x.shape
        one, zero = ops.ones((n * c,), x.dtype), ops.zeros((n * c,), x.dtype)
        return self.norm(x.reshape(1, n * c, h, w), one, zero, zero, one)[0].reshape(n, c, h, w)
