"""Networks in MindSpore cells, each built from a spec."""

from mindspore import nn

from src.models.encoder import Encoder
from src.models.mmnet import MMNet
from src.models.modnet import MODNet
from src.spec import NetworkSpec

NETWORKS = {"modnet": MODNet, "mmnet": MMNet}


def build_network(spec: NetworkSpec) -> nn.Cell:
    """The network that a spec describes, with fresh weights, in inference mode as MindSpore cells start."""
    return NETWORKS[spec.network](spec)


__all__ = ["NETWORKS", "Encoder", "MMNet", "MODNet", "build_network"]
