"""A growing ONNX graph: named nodes and constants, without shapes."""

from collections import Counter
from typing import Any

import numpy as np
import onnx
from onnx import helper, numpy_helper


class OnnxGraph:
    """Collects nodes in the order of computation. Names of nodes and tensors are those of the network's layers."""

    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.constants: dict[str, onnx.TensorProto] = {}
        self._names: Counter[str] = Counter()

    def op(self, kind: str, inputs: list[str], name: str, **attributes: Any) -> str:
        """Add an operator and return the name of its output, which is also the node's: `name`, made unique."""
        self._names[name] += 1
        if self._names[name] > 1:
            name = f"{name}_{self._names[name]}"
        self.nodes.append(helper.make_node(kind, inputs, [name], name, **attributes))
        return name

    def constant(self, name: str, value: np.ndarray) -> str:
        """Add a constant (the same name must mean the same value) and return its name."""
        self.constants.setdefault(name, numpy_helper.from_array(np.ascontiguousarray(value), name))
        return name

    def channel_constant(self, name: str, values: np.ndarray) -> str:
        """One float32 for each channel of [N, C, H, W]."""
        return self.constant(name, np.asarray(values, np.float32).reshape(1, -1, 1, 1))
