"""Samples whose image carries the alpha in its red channel, so that moving one without the other shows."""

from typing import Any

import cv2
import numpy as np

from src.data.transforms import Sample, build_transforms
from src.imaging import make_trimap


def painted_sample(height: int = 120, width: int = 160, trimap: bool = True) -> Sample:
    """A lopsided soft person; image channels: alpha, column, row (each scaled to 0 ... 255)."""
    y, x = np.mgrid[:height, :width].astype(np.float32)
    head = np.hypot(y - 0.3 * height, x - 0.4 * width) - 0.15 * height
    body = np.maximum(np.abs(x - 0.45 * width) - 0.2 * width, 0.45 * height - y)
    alpha = np.clip(0.5 - np.minimum(head, body) / 6, 0, 1).astype(np.float32)
    image = np.stack([255 * alpha, 255 * x / width, 255 * y / height], axis=2)
    sample = {"name": "painted", "image": np.rint(image).astype(np.uint8), "alpha": alpha}
    if trimap:
        sample["trimap"] = make_trimap(alpha, 4, 4)
    return sample


def apply(sample: Sample, seed: int, kind: str, **parameters: Any) -> Sample:
    """Build one transform as a configuration does, and run it."""
    chain = build_transforms([{"type": kind, **parameters}])
    return chain(sample, np.random.default_rng(seed))


def misalignment(sample: Sample) -> float:
    """Mean difference between the alpha and what the image says of it."""
    return float(np.abs(sample["image"][..., 0] / 255 - sample["alpha"]).mean())


def trimap_contradictions(sample: Sample, slack: int = 0) -> int:
    """Pixels that the trimap calls known although the alpha says otherwise, further than `slack` from an edge."""
    alpha, trimap = sample["alpha"], sample["trimap"]
    wrong = ((trimap == 1) & (alpha < 0.9)) | ((trimap == 0) & (alpha > 0.1))
    kernel = np.ones((2 * slack + 1, 2 * slack + 1), np.uint8)
    return int(cv2.erode(wrong.astype(np.uint8), kernel).sum())
