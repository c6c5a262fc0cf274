"""Networks in MindSpore cells, each built from a spec."""

from mindspore import nn

from ..spec.serialisation import NetworkSpec
from .encoder import Encoder
from .mmnet import MMNet
from .modnet import MODNet

NETWORKS = {"modnet": MODNet, "mmnet": MMNet}


def build_network(spec: NetworkSpec) -> nn.Cell:
    """The network that a spec describes, with fresh weights, in inference mode as MindSpore cells start."""
    return NETWORKS[spec.network](spec)


__all__ = ["NETWORKS", "Encoder", "MMNet", "MODNet", "build_network"]
