"""Instance-normalised channels brought to the range of the others, so that one 8-bit step serves a whole map.

An int8 runtime rounds a map with one step for all its channels. In front of an IBNorm the channels to be
instance-normalised have ranges of up to 200, because nothing has normalised them yet. The others, whose batch norm is
folded into the convolution, have ranges of 2 to 6, and a step made for 200 leaves a handful of levels for them.
Instance norm takes mean and scale out of each channel of each image. So the convolution before it may give these
channels any other mean and scale, and the matte stays the same.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from ..common.log import logger

MOST_APART = 1e-3  # |alpha - alpha|, between the float model and its equalised form
_EPSILON_SHARE = 1e-3  # by which share `epsilon` of an instance norm may weigh otherwise than before
_PER_CHANNEL = ("Resize",)  # operators that treat all channels alike and keep factors and sums


@dataclass(frozen=True)
class Range:
    """What channels held on all calibration images.

    Attributes:
        low, high: float32 [C], their least and largest values.
        variance: float32 [C], the least variance of a channel on one image.
    """

    low: np.ndarray
    high: np.ndarray
    variance: np.ndarray


@dataclass(frozen=True)
class InstanceNorm:
    """An instance norm whose channels may be scaled.

    Attributes:
        name: of the operator; `map` is what it takes.
        epsilon: added to the variance.
        on: bool [C], the channels that it normalises; the others go round it.
    """

    name: str
    map: str
    epsilon: float
    on: np.ndarray


def equalise(model: onnx.ModelProto, inputs: Sequence[np.ndarray]) -> tuple[onnx.ModelProto, list[str]]:
    """A copy of the float model whose instance-normalised channels have the range of the batch-normalised ones.

    Args:
        model: float32 network, as export.py writes it.
        inputs: calibration inputs, each as the network takes it.

    Returns:
        The copy, and the names of the instance norms that it concerns. A norm is left as it is where its input does
        not come straight from a convolution, or where mattes of the calibration images would move by `MOST_APART`.
    """
    norms = list(instance_norms(model))
    if not norms:
        return model, []
    ranges = channel_ranges(model, [norm.map for norm in norms], inputs)
    before = _mattes(model, inputs)

    def tried(chosen: Sequence[InstanceNorm]) -> tuple[onnx.ModelProto, list[str], float]:
        copy, done = _scaled(model, chosen, ranges)
        pairs = zip(before, _mattes(copy, inputs), strict=True)
        return copy, done, max(float(np.abs(a - b).max()) for a, b in pairs)

    copy, done, apart = tried(norms)
    if not apart < MOST_APART:
        alike = [norm for norm in norms if tried([norm])[2] < MOST_APART / len(norms)]
        copy, done, apart = tried(alike)
    if not apart < MOST_APART:
        logger.warning("equalising is left out: it would move alphas by %.2g", apart)
        return model, []
    logger.info("%d of %d instance norms equalised; alphas move by %.1g at most", len(done), len(norms), apart)
    return copy, done


def instance_norms(model: onnx.ModelProto) -> Iterator[InstanceNorm]:
    """The instance norms of which no other operator sees the channels: it multiplies them by 0."""
    constants = {constant.name: constant for constant in model.graph.initializer}
    for node in model.graph.node:
        if node.op_type != "InstanceNormalization" or node.input[1] not in constants:
            continue
        on = numpy_helper.to_array(constants[node.input[1]]) != 0
        others = (n for n in model.graph.node if n is not node and node.input[0] in n.input)
        if on.any() and all(_hides(other, constants, on) for other in others):
            epsilon = next((a.f for a in node.attribute if a.name == "epsilon"), 1e-5)
            yield InstanceNorm(node.name, node.input[0], epsilon, on)


def _hides(node: onnx.NodeProto, constants: dict[str, onnx.TensorProto], on: np.ndarray) -> bool:
    """Whether an operator multiplies the channels `on` by 0."""
    factors = [numpy_helper.to_array(constants[name]) for name in node.input if name in constants]
    if node.op_type != "Mul" or len(factors) != 1 or factors[0].size != len(on):
        return False
    return not factors[0].reshape(-1)[on].any()


def channel_ranges(model: onnx.ModelProto, maps: Sequence[str], inputs: Sequence[np.ndarray]) -> dict[str, Range]:
    """Range of each channel of these maps, [N, C, h, w], on all inputs."""
    probe = onnx.ModelProto()
    probe.CopyFrom(model)
    maps = list(dict.fromkeys(maps))
    probe.graph.output.extend(helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in maps)
    ranges: dict[str, Range] = {}
    for values in _run(probe, maps, inputs):
        for name, y in zip(maps, values, strict=True):
            found = Range(y.min((0, 2, 3)), y.max((0, 2, 3)), y.var((2, 3), dtype=np.float64).min(0))
            ranges[name] = _joined(ranges[name], found) if name in ranges else found
    return ranges


def _joined(one: Range, other: Range) -> Range:
    return Range(
        np.minimum(one.low, other.low), np.maximum(one.high, other.high), np.minimum(one.variance, other.variance)
    )


def _mattes(model: onnx.ModelProto, inputs: Sequence[np.ndarray]) -> list[np.ndarray]:
    return [values[0] for values in _run(model, [model.graph.output[0].name], inputs)]


def _run(model: onnx.ModelProto, outputs: list[str], inputs: Sequence[np.ndarray]) -> Iterator[list[np.ndarray]]:
    import onnxruntime

    settings = onnxruntime.SessionOptions()
    settings.log_severity_level = 3  # errors only
    session = onnxruntime.InferenceSession(model.SerializeToString(), settings, ["CPUExecutionProvider"])
    key = session.get_inputs()[0].name
    for x in inputs:
        yield session.run(outputs, {key: x})


def _scaled(
    model: onnx.ModelProto, norms: Sequence[InstanceNorm], ranges: dict[str, Range]
) -> tuple[onnx.ModelProto, list[str]]:
    """A copy with the channels of these norms scaled, and the names of those where this can be done."""
    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    weights, done = _Weights(copy), []
    for norm in norms:
        centre, factors = change_of(norm, ranges[norm.map])
        if weights.scale(norm.map, factors, centre):
            done.append(norm.name)
    return copy, done


def change_of(norm: InstanceNorm, found: Range) -> tuple[np.ndarray, np.ndarray]:
    """What to subtract from each channel, and the factor after it; 0 and 1 for channels that are not normalised.

    The half-range of all normalised channels becomes the largest of the others, or the median of their own where
    there are no others. A factor keeps so near to 1 that `epsilon` weighs as before, on every image.
    """
    centre, half = (found.low + found.high) / 2, (found.high - found.low) / 2
    others = np.maximum(np.abs(found.low), np.abs(found.high))[~norm.on]
    target = float(np.max(others, initial=0)) or float(np.median(half[norm.on]))
    weight = 2 * _EPSILON_SHARE * found.variance / norm.epsilon
    with np.errstate(divide="ignore"):
        least, most = 1 / np.sqrt(1 + weight), 1 / np.sqrt(np.maximum(1 - weight, 0))
        factors = np.clip(target / half, least, most)
    return np.where(norm.on, centre, 0), np.where(norm.on, factors, 1)


class _Weights:
    """The constants of a model's convolutions, which are changed in place."""

    def __init__(self, model: onnx.ModelProto) -> None:
        graph = model.graph
        self.producers = {output: node for node in graph.node for output in node.output}
        self.constants = {constant.name: constant for constant in graph.initializer}
        self.uses: dict[str, int] = {}
        for name in (*(name for node in graph.node for name in node.input), *(value.name for value in graph.output)):
            self.uses[name] = self.uses.get(name, 0) + 1

    def scale(self, name: str, factors: np.ndarray, centre: np.ndarray) -> bool:
        """Let the convolution that makes a map [N, C, h, w] make (map - centre) * factors; False: it cannot.

        Without a bias, nothing is subtracted.
        """
        edits = self._edits(name, factors)
        if edits is None:
            return False
        bias = self.producers[name].input[2:3]
        if bias:
            self._set(bias[0], self._values(bias[0]) - centre)
        for constant, by in edits:
            values = self._values(constant)
            self._set(constant, values * by.reshape(-1, *[1] * (values.ndim - 1)))
        return True

    def _edits(self, name: str, factors: np.ndarray) -> list[tuple[str, np.ndarray]] | None:
        """Which constants to multiply by what, along axis 0, for a map to be multiplied by `factors`."""
        node = self.producers.get(name)
        if node is not None and node.op_type in _PER_CHANNEL:
            return self._edits_before(node, factors)
        if node is None or node.op_type != "Conv" or any(not self._own(constant) for constant in node.input[1:]):
            return None
        bias = [(constant, factors) for constant in node.input[2:]]
        group = next((a.i for a in node.attribute if a.name == "group"), 1)
        takers = _takers(self._values(node.input[1]), group)
        before = None if takers is None else self._edits_before(node, factors[takers])
        return [*bias, *([(node.input[1], factors)] if before is None else before)]

    def _edits_before(self, node: onnx.NodeProto, factors: np.ndarray) -> list[tuple[str, np.ndarray]] | None:
        """The same for what `node` takes, if nothing else takes it."""
        return self._edits(node.input[0], factors) if self.uses[node.input[0]] == 1 else None

    def _own(self, constant: str) -> bool:
        return constant in self.constants and self.uses[constant] == 1

    def _values(self, constant: str) -> np.ndarray:
        return numpy_helper.to_array(self.constants[constant])

    def _set(self, constant: str, values: np.ndarray) -> None:
        self.constants[constant].CopyFrom(numpy_helper.from_array(values.astype(np.float32), constant))


def _takers(weight: np.ndarray, group: int) -> np.ndarray | None:
    """Of a convolution that only moves and sums up whole channels: the output channel that takes each input channel.

    None for any other. Export writes a convolution behind an upsampling in such parts. The map before them is then the
    one to scale, because it is rounded too.

    Args:
        weight: float32 [out, in / group, k, k].
        group: of the convolution.
    """
    used = weight != 0
    if group > 1:
        depthwise = weight.shape[:2] == (group, 1) and (used.sum((1, 2, 3)) == 1).all()
        return np.arange(group) if depthwise else None
    if weight.shape[2:] != (1, 1) or not (used.sum(0) == 1).all():
        return None
    return used[:, :, 0, 0].argmax(0)
