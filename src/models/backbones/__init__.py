"""Encoders as plug-ins: one file each says all that the project knows of one, and registers itself.

Start with `registry.py`, then `mobilenetv2.py`. Every file of this folder is imported here, so a new backbone is one
new file. The files import `spec` and `models/tensor_names.py` alone, without MindSpore.
"""

from importlib import import_module
from pkgutil import iter_modules

from .registry import Backbone, Pretrained, backbones, find_backbone, register

for _module in iter_modules(__path__):
    import_module(f".{_module.name}", __name__)

__all__ = ["Backbone", "Pretrained", "backbones", "find_backbone", "register"]
