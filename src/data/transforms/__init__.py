"""Transforms of training and validation samples, built by name from a configuration.

Start with `registry.py`, the table of transforms and the chain. Every other module of this folder is imported here, so
that a new transform is one file: a frozen dataclass that derives from `Transform` and is decorated with `register`.
A user's own file outside of the package works alike: `type: FILE.py:Name` in the configuration loads it.

A sample is a dict. Its pixels:

- 'image': uint8 RGB [H, W, 3], until Normalize.
- 'alpha': float32 [H, W] in [0, 1], from loading on.
- 'trimap': float32 [H, W] of 0, 0.5 and 1, from GenTrimap on.
- 'foreground': uint8 RGB [H, W, 3], where it is known.

And, where they are known: 'name', 'image_path' and 'alpha_path', 'image_bytes' and 'alpha_bytes' (the content of these
files, until it is decoded), 'alpha_allow_rgb', 'batch_draw' (a number in [0, 1) that all samples of one training step
share). Transforms return a new dict and never write into the arrays they were given. They may import `common` and
`imaging`.
"""

from importlib import import_module
from pkgutil import iter_modules

from .registry import Compose, Sample, Transform, build_transforms, register

for _module in iter_modules(__path__):
    import_module(f".{_module.name}", __name__)

__all__ = ["Compose", "Sample", "Transform", "build_transforms", "register"]
