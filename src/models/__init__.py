"""Networks in MindSpore cells, each built from a spec."""

from mindspore import nn

from src.models.encoder import Encoder
from src.models.modnet import MODNet
from src.spec import ModNetSpec

NETWORKS = {"modnet": MODNet}


def build_network(spec: ModNetSpec) -> nn.Cell:
    """The network that a spec describes, with fresh weights, in training mode as MindSpore cells start."""
    return NETWORKS[spec.network](spec)


__all__ = ["NETWORKS", "Encoder", "MODNet", "build_network"]
