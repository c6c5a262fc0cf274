"""One rule for each layer type: how it is written as ONNX operators on [N, C, H, W] maps.

The graph is made for speed, and every change is exact (benchmarks/openvino_layers.py shows what each brings):

- A batch norm that follows a convolution disappears into its weights.
- IBNorm keeps one instance norm over all channels, which is blended with the convolution's output by a constant mask.
  Splitting the channels and joining them again would run unvectorised kernels in OpenVINO.
- A wide convolution of an upsampled map does its multiplications before the upsampling, on a quarter of the pixels.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from mindspore import nn

from ..common.errors import NetworkError
from ..models.easpp import ScaleFusion
from ..models.graph import Graph, Node
from ..models.layers import AttentionMap, Concat, Conv2d, NormAct, SqueezeExcite
from ..models.maps import Downsample, FromLayout, ToLayout, ToMatte
from ..models.two_class import PersonMatte
from ..spec.activations import find_activation
from .onnx_graph import OnnxGraph

Emitter = Callable[["Emission", Node, list[str]], str]
_EMITTERS: dict[type[nn.Cell], Emitter] = {}


def emitter(kind: type[nn.Cell]) -> Callable[[Emitter], Emitter]:
    """Register the rule of a layer type: (emission, node, names of its inputs) -> name of its output."""

    def register(rule: Emitter) -> Emitter:
        _EMITTERS[kind] = rule
        return rule

    return register


class Emission:
    """One network being written: its data flow, the ONNX graph, and where each layer's output stands in it."""

    def __init__(self, graph: Graph) -> None:
        self.graph, self.onnx = graph, OnnxGraph()
        self.tensors: dict[int, str] = {}
        self.folded: set[int] = set()  # norms whose affine half is in the weights of the layer before

    def run(self, image: str) -> list[str]:
        """Write all layers, the image being the tensor of that name; returns the network's outputs."""
        self.tensors[0] = image
        for node in self.graph.nodes[1:]:
            rule = _EMITTERS.get(type(node.cell))
            if rule is None:
                raise NetworkError(
                    f"Layer '{node.name}' is a {type(node.cell).__name__}, which export cannot write; it knows "
                    f"{', '.join(kind.__name__ for kind in _EMITTERS)}. Add a rule to src/deploy/emitters.py."
                )
            self.tensors[node.index] = rule(self, node, [self.tensors[i] for i in node.inputs])
        return [self.tensors[i] for i in self.graph.outputs]

    def only_consumer(self, node: Node) -> Node | None:
        """The layer that alone takes this one's output."""
        consumers = self.graph.consumers(node.index)
        alone = len(consumers) == 1 and consumers[0].inputs.count(node.index) == 1
        return consumers[0] if alone and node.index not in self.graph.outputs else None


@emitter(Conv2d)
def _conv(emission: Emission, node: Node, inputs: list[str]) -> str:
    cell = node.cell
    weight = cell.weight.asnumpy()
    bias = cell.bias.asnumpy().astype(np.float64) if cell.has_bias else None
    norm = emission.only_consumer(node)
    if norm is not None and isinstance(norm.cell, NormAct) and norm.inputs[0] == node.index:
        scale, shift = norm_affine(norm.cell)
        bias = shift if bias is None else bias * scale + shift
        weight = weight * scale[:, None, None, None]
        emission.folded.add(norm.index)
    if _upsamples_late(emission, node):
        legacy = emission.graph.nodes[node.inputs[0]].cell.legacy
        return _conv_then_upsample(emission.onnx, inputs[0], node, weight, bias, legacy)
    top, bottom, left, right = cell.pad
    frame = {
        "strides": [cell.stride] * 2,
        "pads": [top, left, bottom, right],
        "dilations": [cell.dilation] * 2,
        "group": cell.group,
    }
    return _write_conv(emission.onnx, inputs[0], node.name, weight, bias, **frame)


def _write_conv(
    onnx: OnnxGraph, x: str, name: str, weight: np.ndarray, bias: np.ndarray | None = None, **frame: Any
) -> str:
    operands = [x, onnx.constant(f"{name}.weight", weight.astype(np.float32))]
    if bias is not None:
        operands.append(onnx.constant(f"{name}.bias", bias.astype(np.float32)))
    # The attribute repeats the weight's shape, and ONNX lets it out; OpenCV and others do not read a file without.
    return onnx.op("Conv", operands, name, kernel_shape=weight.shape[2:], **frame)


def _upsamples_late(emission: Emission, node: Node) -> bool:
    """Whether a convolution takes nothing but an upsampled map, and `_conv_then_upsample` halves its work."""
    cell, before = node.cell, emission.graph.nodes[node.inputs[0]]
    alone = isinstance(before.cell, Concat) and before.cell.upsample == (True,)
    if not (alone and cell.stride == cell.group == cell.dilation == 1):
        return False
    taps, out = cell.kernel**2, cell.out_channels
    direct = 4 * taps * cell.in_channels * out  # multiplications for each pixel of the small map
    late = taps * cell.in_channels * out + 4 * taps * out * (taps + out)
    return emission.only_consumer(before) is not None and late < direct / 2


def _conv_then_upsample(
    onnx: OnnxGraph, x: str, node: Node, weight: np.ndarray, bias: np.ndarray | None, legacy: bool
) -> str:
    """The k x k convolution of the upsampled map of `x`, written so that `x` is multiplied before it is upsampled.

    A convolution is a sum over its k * k taps, each a 1x1 convolution and a shift; and a 1x1 convolution commutes with
    resizing. So: all taps' 1x1 convolutions on the small map, one resize, the shifts (a depthwise convolution with
    one 1 in each kernel) and the sum over taps (a 1x1 convolution of ones and zeros).
    """
    out, channels, k, _ = weight.shape
    taps = weight.transpose(2, 3, 0, 1).reshape(k * k * out, channels, 1, 1)
    y = _write_conv(onnx, x, f"{node.name}/taps", taps)
    y = _resize(onnx, y, 2, f"{node.name}/up", legacy)
    shifts = np.eye(k * k).repeat(out, axis=0).reshape(k * k * out, 1, k, k)
    top, bottom, left, right = node.cell.pad
    y = _write_conv(onnx, y, f"{node.name}/shift", shifts, pads=[top, left, bottom, right], group=k * k * out)
    return _write_conv(onnx, y, node.name, np.tile(np.eye(out), k * k)[:, :, None, None], bias)


def norm_affine(cell: NormAct) -> tuple[np.ndarray, np.ndarray]:
    """Scale and shift per channel, float64 [C], of the batch norm in inference; 1 and 0 where instance norm follows."""
    scale, shift = np.ones(cell.bn + cell.inorm_channels), np.zeros(cell.bn + cell.inorm_channels)
    if cell.bn:
        norm = cell.bnorm
        names = (norm.gamma, norm.beta, norm.moving_mean, norm.moving_variance)
        gamma, beta, mean, variance = (parameter.asnumpy().astype(np.float64) for parameter in names)
        scale[: cell.bn] = gamma / np.sqrt(variance + cell.eps)
        shift[: cell.bn] = beta - mean * scale[: cell.bn]
    return scale, shift


@emitter(NormAct)
def _norm_act(emission: Emission, node: Node, inputs: list[str]) -> str:
    onnx, cell, y = emission.onnx, node.cell, inputs[0]
    if node.index not in emission.folded and cell.bn:
        scale, shift = norm_affine(cell)
        y = onnx.op("Mul", [y, onnx.channel_constant(f"{node.name}.scale", scale)], f"{node.name}/scale")
        y = onnx.op("Add", [y, onnx.channel_constant(f"{node.name}.shift", shift)], f"{node.name}/shift")
    if cell.inorm_channels:
        y = _instance_norm(onnx, y, node)
    y = find_activation(cell.act_name).onnx(onnx, y, f"{node.name}/act")
    return onnx.op("Add", [y, inputs[1]], f"{node.name}/shortcut") if len(inputs) > 1 else y


def _instance_norm(onnx: OnnxGraph, y: str, node: Node) -> str:
    """Instance norm of the last `inorm_channels`; the first `bn` go through (see the module's text)."""
    cell = node.cell
    through = (np.arange(cell.bn + cell.inorm_channels) < cell.bn).astype(np.float32)
    operands = [
        y,
        onnx.constant(f"{node.name}.normalised", 1 - through),
        onnx.constant(f"{node.name}.zeros", 0 * through),
    ]
    normalised = onnx.op("InstanceNormalization", operands, f"{node.name}/instance", epsilon=cell.eps)
    if cell.bn == 0:
        return normalised
    kept = onnx.op("Mul", [y, onnx.channel_constant(f"{node.name}.through", through)], f"{node.name}/through")
    return onnx.op("Add", [kept, normalised], f"{node.name}/blend")


@emitter(Concat)
def _concat(emission: Emission, node: Node, inputs: list[str]) -> str:
    consumer = emission.only_consumer(node)
    if consumer is not None and isinstance(consumer.cell, Conv2d) and _upsamples_late(emission, consumer):
        return inputs[0]  # the convolution upsamples its own products
    maps = [
        _resize(emission.onnx, x, 2, f"{node.name}/up", node.cell.legacy) if up else x
        for x, up in zip(inputs, node.cell.upsample, strict=True)
    ]
    return maps[0] if len(maps) == 1 else emission.onnx.op("Concat", maps, node.name, axis=1)


@emitter(ScaleFusion)
def _fuse(emission: Emission, node: Node, inputs: list[str]) -> str:
    onnx, fused = emission.onnx, ""
    for i, (x, weight) in enumerate(zip(inputs, node.cell.weight.asnumpy(), strict=True)):
        scaled = onnx.op("Mul", [x, onnx.channel_constant(f"{node.name}.weight.{i}", weight)], f"{node.name}/scale")
        fused = onnx.op("Add", [fused, scaled], f"{node.name}/sum") if fused else scaled
    return fused


@emitter(Downsample)
def _downsample(emission: Emission, node: Node, inputs: list[str]) -> str:
    return _resize(emission.onnx, inputs[0], 1 / node.cell.factor, node.name)


def _resize(onnx: OnnxGraph, x: str, scale: float, name: str, legacy: bool = False) -> str:
    """`src.models.portable.resize` by a factor."""
    scales = onnx.constant(f"scales_{scale:g}", np.array([1, 1, scale, scale], np.float32))
    positions = "asymmetric" if legacy else "half_pixel"
    return onnx.op("Resize", [x, "", scales], name, mode="linear", coordinate_transformation_mode=positions)


@emitter(SqueezeExcite)
def _squeeze_excite(emission: Emission, node: Node, inputs: list[str]) -> str:
    onnx, name = emission.onnx, node.name
    gate = onnx.op("GlobalAveragePool", inputs, f"{name}/mean")
    for dense, act in (("fc1", "Relu"), ("fc2", "Sigmoid")):
        weight = getattr(node.cell, dense).weight.asnumpy()[:, :, None, None]
        operands = [gate, onnx.constant(f"{name}.{dense}.weight", weight)]
        gate = onnx.op("Conv", operands, f"{name}/{dense}", kernel_shape=weight.shape[2:])
        gate = onnx.op(act, [gate], f"{name}/{dense}_act")
    return onnx.op("Mul", [inputs[0], gate], name)


@emitter(AttentionMap)
def _attention_map(emission: Emission, node: Node, inputs: list[str]) -> str:
    onnx, name = emission.onnx, node.name
    squares = onnx.op("Mul", inputs * 2, f"{name}/squares")
    means = onnx.op("ReduceMean", [squares], f"{name}/mean", axes=[1])
    return onnx.op("Flatten", [means], name)


@emitter(ToMatte)
def _to_matte(emission: Emission, node: Node, inputs: list[str]) -> str:
    return emission.onnx.op("Sigmoid", inputs, node.name)


@emitter(ToLayout)
def _to_layout(emission: Emission, node: Node, inputs: list[str]) -> str:
    return inputs[0]  # ONNX maps are [N, C, H, W] already


@emitter(FromLayout)
def _from_layout(emission: Emission, node: Node, inputs: list[str]) -> str:
    return inputs[0]


@emitter(PersonMatte)
def _person_matte(emission: Emission, node: Node, inputs: list[str]) -> str:
    difference = np.array([-1, 1]).reshape(1, 2, 1, 1)  # of the logits: a softmax over two classes is its sigmoid
    logit = _write_conv(emission.onnx, inputs[0], f"{node.name}/logit", difference)
    return emission.onnx.op("Sigmoid", [logit], node.name)
