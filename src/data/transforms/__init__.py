"""Transforms of training and validation samples, built by name from a configuration.

A sample is a dict: 'image' (uint8 RGB [H, W, 3] until Normalize), 'alpha' (float32 [H, W] in [0, 1] from loading
on), 'trimap' (float32 [H, W] of 0, 0.5 and 1), and perhaps 'foreground' (uint8 RGB [H, W, 3]), 'name',
'image_path', 'alpha_path', the content of these files before loading ('image_bytes', 'alpha_bytes'), 'alpha_allow_rgb',
and 'batch_draw' (a number in [0, 1) that all samples of one training step share). Transforms return a new dict and
never write into the arrays they were given.
"""

from . import background, basic, color, face, mmnet, scene, spatial, window
from .registry import Compose, Sample, Transform, build_transforms

__all__ = [
    "Compose",
    "Sample",
    "Transform",
    "background",
    "basic",
    "build_transforms",
    "color",
    "face",
    "mmnet",
    "scene",
    "spatial",
    "window",
]
