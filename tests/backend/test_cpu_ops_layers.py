"""Native convolution and norm against PyTorch: values and every gradient, for every kind that networks have."""

import mindspore as ms
import numpy as np
import pytest
import torch
import torch.nn.functional as F

from src.backend import cpu_ops
from tests.support.native_ops import close, leaf, nchw, needs_native_ops, nhwc, rand, run

pytestmark = needs_native_ops
if cpu_ops.available():
    from src.backend.cpu_ops.operators import Conv2dOp, NormOp


def torch_conv(x, w, b, stride, pad, dilation, group):
    top, bottom, left, right = pad
    return F.conv2d(F.pad(x, (left, right, top, bottom)), w, b, stride, 0, dilation, group)


CONVOLUTIONS = {
    # name: (n, h, w), in, out, kernel, stride, pad (t, b, l, r), dilation, group, bias
    "3x3": ((2, 8, 9), 6, 10, 3, 1, (1, 1, 1, 1), 1, 1, True),
    "one image, one channel out": ((1, 7, 5), 32, 1, 1, 1, (0, 0, 0, 0), 1, 1, True),
    "three channels, stride 2": ((2, 16, 14), 3, 32, 3, 2, (1, 1, 1, 1), 1, 1, False),
    "bottom and right padding": ((2, 16, 14), 5, 7, 3, 2, (0, 1, 0, 1), 1, 1, False),
    "all sides different": ((1, 9, 11), 4, 3, 5, 2, (0, 3, 1, 2), 1, 1, True),
    "dilation": ((2, 12, 13), 8, 8, 3, 1, (2, 2, 2, 2), 2, 1, True),
    "two groups": ((2, 9, 9), 8, 6, 3, 1, (1, 1, 1, 1), 1, 2, True),
    "depthwise": ((2, 9, 10), 33, 33, 3, 1, (1, 1, 1, 1), 1, 33, False),
    "depthwise, 16 lanes": ((3, 33, 40), 48, 48, 3, 1, (1, 1, 1, 1), 1, 48, False),
    "depthwise, stride 2": ((1, 16, 15), 24, 24, 3, 2, (1, 1, 1, 1), 1, 24, False),
    "depthwise 5x5, bottom and right": ((2, 16, 16), 16, 16, 5, 2, (1, 2, 1, 2), 1, 16, False),
    "depthwise, dilation": ((2, 16, 17), 16, 16, 3, 1, (4, 4, 4, 4), 4, 16, False),
    "depthwise, dilation, 40 channels, bias": ((2, 19, 18), 40, 40, 3, 1, (4, 4, 4, 4), 4, 40, True),
    "depthwise, dilation and stride": ((2, 15, 14), 83, 83, 3, 2, (2, 3, 1, 2), 2, 83, False),
    "depthwise multiplier": ((2, 9, 9), 4, 8, 3, 1, (1, 1, 1, 1), 1, 4, True),
    "1x1": ((2, 6, 7), 24, 40, 1, 1, (0, 0, 0, 0), 1, 1, False),
    "5x5, 35 channels": ((2, 20, 12), 35, 16, 5, 1, (2, 2, 2, 2), 1, 1, True),
    # From 4096 pixels on the weight gradient has a kernel of its own, which works in two ways.
    "many pixels, narrow output": ((2, 70, 65), 35, 16, 3, 1, (1, 1, 1, 1), 1, 1, True),
    "many pixels, one channel out": ((1, 64, 70), 32, 1, 1, 1, (0, 0, 0, 0), 1, 1, True),
    "many pixels, wide output": ((2, 50, 50), 5, 70, 3, 1, (0, 2, 2, 1), 1, 1, True),
    "many pixels, stride 2": ((1, 140, 150), 3, 33, 3, 2, (0, 1, 0, 1), 1, 1, False),
    "many pixels, narrow rows": ((3, 150, 10), 20, 48, 5, 1, (2, 2, 2, 2), 1, 1, True),
    "many pixels, dilation": ((1, 66, 67), 7, 40, 3, 1, (3, 3, 3, 3), 3, 1, True),
    "many pixels, 1x1": ((1, 64, 65), 17, 80, 1, 1, (0, 0, 0, 0), 1, 1, False),
    "many pixels, wide padding": ((1, 64, 66), 3, 20, 5, 1, (4, 4, 4, 4), 1, 1, True),
    "one row of pixels": ((2, 1, 9), 3, 4, 3, 1, (1, 1, 1, 1), 1, 1, True),
}


@pytest.mark.parametrize("name", CONVOLUTIONS)
def test_convolution(name: str):
    size, c_in, c_out, kernel, stride, pad, dilation, group, bias = CONVOLUTIONS[name]
    arrays = [rand(*size, c_in), rand(c_out, c_in // group, kernel, kernel), rand(c_out)][: 3 if bias else 2]
    x, w = leaf(arrays[0]), torch.tensor(arrays[1], requires_grad=True)
    b = leaf(arrays[2]) if bias else None
    y = torch_conv(x, w, b, stride, pad, dilation, group)
    weights = rand(*nhwc(y).shape, seed=1)
    (y * torch.tensor(nchw(weights))).sum().backward()
    ours, gradients = run(Conv2dOp(stride, pad, dilation, group, bias), arrays, weights, graph=False)
    close(ours, nhwc(y))
    close(gradients[0], nhwc(x.grad))
    close(gradients[1], w.grad.numpy())
    if bias:
        close(gradients[2], b.grad.numpy())


def torch_norm(x, parameters, bn, act, training, momentum):
    gamma, beta, mean, variance = parameters
    parts = []
    if bn:
        parts.append(F.batch_norm(x[:, :bn], mean, variance, gamma, beta, training, 1 - momentum, 1e-5))
    if bn < x.shape[1]:
        parts.append(F.instance_norm(x[:, bn:], eps=1e-5))
    return {"none": lambda z: z, "relu": F.relu, "relu6": F.relu6}[act](torch.cat(parts, 1))


NORMS = {
    # name: shape, batch-normalised channels, activation, training, shortcut
    "half and half": ((2, 8, 8, 32), 16, "relu", True, False),
    "odd counts": ((2, 7, 5, 13), 6, "relu", True, False),
    "batch norm, relu6": ((3, 16, 17, 35), 35, "relu6", True, False),
    "batch norm with shortcut": ((2, 8, 8, 24), 24, "none", True, True),
    "instance norm": ((2, 9, 9, 13), 0, "relu", True, False),
    "one image": ((1, 40, 50, 96), 48, "relu", True, False),
    "many chunks": ((2, 70, 65, 16), 8, "relu", True, False),
    "inference": ((2, 8, 8, 48), 24, "relu6", False, False),
    "inference, instance norm": ((2, 8, 8, 3), 0, "none", False, False),
    "wide": ((2, 3, 2, 1280), 1280, "relu6", True, False),
}


@pytest.mark.parametrize("name", NORMS)
def test_norm(name: str):
    shape, bn, act, training, shortcut = NORMS[name]
    length = max(bn, 1)
    x, added = 2 * rand(*shape) + 3, rand(*shape, seed=2)
    gamma, beta = rand(length, low=0.5), rand(length)
    mean, variance = rand(length, seed=3), rand(length, low=0.5, seed=3)
    statistics = ms.Tensor(mean), ms.Tensor(variance)
    op, weights = NormOp(bn, 1e-5, 0.9, act, shortcut), rand(*shape, seed=1)

    def ours(x, gamma, beta, *shortcut):
        return op(x, gamma, beta, *statistics, training, *shortcut)[0]

    arrays = [x, gamma, beta, added][: 4 if shortcut else 3]
    truth = [leaf(a) for a in arrays]
    moving = torch.tensor(mean), torch.tensor(variance)
    y = torch_norm(truth[0], (*truth[1:3], *moving), bn, act, training, 0.9)
    y = y + truth[3] if shortcut else y
    (y * torch.tensor(nchw(weights))).sum().backward()
    value, gradients = run(ours, arrays, weights, graph=False)
    close(value, nhwc(y))
    for ours_g, leaf_t in zip(gradients, truth, strict=True):
        close(ours_g, np.zeros(1, np.float32) if leaf_t.grad is None else nhwc(leaf_t.grad))

    new = op(*[ms.Tensor(a) for a in (x, gamma, beta)], *statistics, training, *[ms.Tensor(added)] * shortcut)[1:]
    close(new[0].asnumpy(), moving[0].numpy())
    close(new[1].asnumpy(), moving[1].numpy())
