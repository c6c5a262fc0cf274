"""From an image and its matte to what is written."""

import cv2
import numpy as np

from ..imaging import blur_background, composite, estimate_foreground, to_uint8


def render(
    image: np.ndarray, matte: np.ndarray, outputs: tuple[str, ...], plate: np.ndarray | None
) -> dict[str, np.ndarray]:
    """The outputs that are asked for, by name, each of the image's size.

    Args:
        image: uint8 RGB [H, W, 3].
        matte: float32 [H, W] in [0, 1].
        outputs: of 'alpha' (uint8 grey), 'cutout' (the person's colours with straight alpha, uint8
            RGBA, black under alpha 0) and 'composite'
            (uint8 RGB).
        plate: background of the composite, uint8 RGB [H, W, 3]; None blurs the image's own.
    """
    made = {}
    alpha = to_uint8(matte)
    if "alpha" in outputs:
        made["alpha"] = alpha
    if "cutout" in outputs or "composite" in outputs:
        foreground = estimate_foreground(image, matte)
    if "cutout" in outputs:
        made["cutout"] = _cutout(foreground, alpha)
    if "composite" in outputs:
        behind = blur_background(image, matte, foreground) if plate is None else plate
        made["composite"] = composite(foreground, matte, behind)
    return made


def _cutout(foreground: np.ndarray, alpha: np.ndarray) -> np.ndarray:
    """uint8 RGBA [H, W, 4] that hides nothing: the foreground is black where alpha is 0."""
    pixels = cv2.cvtColor(foreground, cv2.COLOR_RGB2RGBA)
    cv2.insertChannel(alpha, pixels, 3)
    return pixels


def preview(made: dict[str, np.ndarray]) -> np.ndarray:
    """What a window shows of an image's outputs: uint8 RGB or grey."""
    name = next(name for name in ("composite", "alpha", "cutout") if name in made)
    return made[name][..., :3] if name == "cutout" else made[name]
