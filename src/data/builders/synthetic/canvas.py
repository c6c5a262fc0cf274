"""A layered painting with exact coverage: premultiplied colour and alpha, drawn larger than it is needed.

Every shape is laid over the one before (`over`, which adds coverage) or tinted into what is there
(`atop`, which leaves coverage alone). Averaging both fields over squares of pixels at the end gives the
exact alpha of the small image. For area averaging commutes with compositing over any background that is
smooth within a pixel. Porter and Duff: Compositing Digital Images, 1984.
"""

from dataclasses import dataclass

import cv2
import numpy as np

_SHIFT = 4  # fractional bits of OpenCV's drawing coordinates
_WHITE = (255,)


@dataclass(frozen=True)
class Patch:
    """Coverage float32 [h, w] in [0, 1] of a shape whose upper left corner is at (`top`, `left`)."""

    top: int
    left: int
    mask: np.ndarray

    @property
    def window(self) -> tuple[slice, slice]:
        """Rows and columns of the canvas that the patch lies on."""
        h, w = self.mask.shape
        return slice(self.top, self.top + h), slice(self.left, self.left + w)

    def crop(self, larger: "Patch", field: np.ndarray) -> np.ndarray:
        """The part on this window of a `field`, float [h, w] or [h, w, C], of a patch that contains this one."""
        top, left = self.top - larger.top, self.left - larger.left
        h, w = self.mask.shape
        return field[top : top + h, left : left + w]

    def times(self, field: np.ndarray | float) -> "Patch":
        """The same shape with its coverage multiplied by a number or a field, float32 [h, w]; both in [0, 1]."""
        return Patch(self.top, self.left, self.mask * np.asarray(field, np.float32))


class Canvas:
    """`color` float32 [H, W, 3], premultiplied, and `alpha` float32 [H, W]."""

    def __init__(self, height: int, width: int) -> None:
        self.color = np.zeros((height, width, 3), np.float32)
        self.alpha = np.zeros((height, width), np.float32)

    def polygon(self, *outlines: np.ndarray, soft: float = 0.0) -> Patch:
        """Anti-aliased area of closed outlines, float [N, 2] in pixels; `soft` blurs its edge by that sigma."""
        corners = np.concatenate(outlines)
        patch = self._empty(corners.min(0), corners.max(0), 2 + 3 * soft)
        if patch.size:
            origin = np.array([patch.left, patch.top])
            points = [np.round((o - origin) * 2**_SHIFT).astype(np.int32) for o in outlines]
            cv2.fillPoly(patch.image, points, _WHITE, cv2.LINE_AA, _SHIFT)
        return patch.done(soft)

    def lines(self, curves: np.ndarray | list[np.ndarray], thickness: float, soft: float = 0.0) -> Patch:
        """Anti-aliased open curves, float [B, N, 2] or a list; below one pixel they get fainter, not thinner."""
        flat = np.concatenate(list(curves))
        patch = self._empty(flat.min(0), flat.max(0), 2 + thickness + 3 * soft)
        if patch.size:
            origin = np.array([patch.left, patch.top])
            points = [np.round((c - origin) * 2**_SHIFT).astype(np.int32) for c in curves]
            cv2.polylines(patch.image, points, False, _WHITE, max(round(thickness), 1), cv2.LINE_AA, _SHIFT)
        return patch.done(soft).times(min(thickness, 1.0))

    def _empty(self, low: np.ndarray, high: np.ndarray, margin: float) -> "_Drawing":
        """An empty drawing round the corners `low` and `high`, float [2] in pixels, cut to the canvas."""
        height, width = self.alpha.shape
        left, top = (int(np.clip(v, -1e6, 1e6)) for v in np.floor(low - margin))
        right, bottom = (int(np.clip(v, -1e6, 1e6)) for v in np.ceil(high + margin))
        left, top, right, bottom = max(left, 0), max(top, 0), min(right, width), min(bottom, height)
        outside = bottom <= top or right <= left
        return _Drawing(0, 0, 0, 0) if outside else _Drawing(top, left, bottom - top, right - left)

    def over(self, patch: Patch, color: np.ndarray) -> None:
        """Lay `color`, float RGB [3] or [h, w, 3] in [0, 1], over what is there."""
        mask = patch.mask
        if mask.size:
            rows, columns = patch.window
            keep = 1 - mask
            self.alpha[rows, columns] *= keep
            self.alpha[rows, columns] += mask
            self.color[rows, columns] *= keep[..., None]
            self.color[rows, columns] += mask[..., None] * np.asarray(color, np.float32)

    def atop(self, patch: Patch, color: np.ndarray) -> None:
        """Tint what is there with `color`, float RGB [3] or [h, w, 3] in [0, 1]; coverage stays."""
        if patch.mask.size:
            rows, columns = patch.window
            mask = patch.mask[..., None]
            self.color[rows, columns] *= 1 - mask
            self.color[rows, columns] += mask * self.alpha[rows, columns, None] * np.asarray(color, np.float32)

    def shade(self, patch: Patch, factor: float) -> None:
        """Multiply what is there by `factor` where the patch covers it: a shadow, or light above 1."""
        if patch.mask.size:
            self.color[patch.window] *= (1 + (factor - 1) * patch.mask)[..., None]

    def reduced(self, factor: int) -> tuple[np.ndarray, np.ndarray]:
        """Premultiplied colour [H/f, W/f, 3] and alpha [H/f, W/f], float32 in [0, 1], averaged over f x f squares."""
        height, width = (n // factor for n in self.alpha.shape)
        color = cv2.resize(self.color, (width, height), interpolation=cv2.INTER_AREA)
        return color, np.clip(cv2.resize(self.alpha, (width, height), interpolation=cv2.INTER_AREA), 0, 1)


class _Drawing:
    """A byte image that OpenCV draws a shape into before it becomes a Patch."""

    def __init__(self, top: int, left: int, height: int, width: int) -> None:
        self.top, self.left, self.size = top, left, height * width
        self.image = np.zeros((height, width), np.uint8)

    def done(self, soft: float) -> Patch:
        """The drawing as coverage in [0, 1], blurred by a sigma of `soft` pixels."""
        mask = self.image.astype(np.float32) / np.float32(255)
        blur = soft > 0.3 and self.size > 0
        return Patch(self.top, self.left, _blurred(mask, soft) if blur else mask)


def _blurred(mask: np.ndarray, sigma: float) -> np.ndarray:
    """Coverage, float32 [h, w] in [0, 1], blurred; the border goes on."""
    return cv2.GaussianBlur(mask, (0, 0), sigma, borderType=cv2.BORDER_REPLICATE)
