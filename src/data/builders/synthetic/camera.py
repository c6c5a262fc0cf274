"""What a camera does to a scene: exposure, white balance, tone, vignette, noise. None of it changes alpha."""

from dataclasses import dataclass

import cv2
import numpy as np


@dataclass(frozen=True)
class Camera:
    """`gain` per colour channel, `gamma` of the tone curve, `noise` as standard deviation at full white."""

    gain: np.ndarray
    gamma: float
    saturation: float
    vignette: float
    noise: float
    sharpen: float

    @classmethod
    def random(cls, rng: np.random.Generator) -> "Camera":
        """Any camera, the good ones more often."""
        warmth = rng.normal(0, 0.07)
        gain = np.exp(rng.normal(0.15, 0.2)) * np.array([1 + warmth, 1, 1 - warmth])
        noise = float(rng.choice([0.003, rng.uniform(0.004, 0.015), rng.uniform(0.015, 0.035)], p=[0.5, 0.4, 0.1]))
        saturation = 0.0 if rng.random() < 0.03 else float(np.clip(rng.normal(1, 0.2), 0.4, 1.5))
        return cls(gain.astype(np.float32), float(np.exp(rng.normal(0, 0.15))), saturation,
                   max(float(rng.normal(0.0, 0.25)), 0.0), noise, max(float(rng.normal(0, 0.4)), 0.0))  # fmt: skip

    def shoot(self, rng: np.random.Generator, image: np.ndarray) -> np.ndarray:
        """Image float RGB [H, W, 3] in [0, 1] -> uint8 RGB [H, W, 3]."""
        height, width = image.shape[:2]
        y, x = np.linspace(-1, 1, height, dtype=np.float32)[:, None], np.linspace(-1, 1, width, dtype=np.float32)[None]
        exposed = image * self.gain * (1 - 0.5 * self.vignette * (x * x + y * y))[..., None]
        exposed = 1 - np.maximum(1 - np.maximum(exposed, 0) / 1.15, 0) ** 1.15  # highlights roll off
        toned = np.power(np.clip(exposed, 0, 1), self.gamma)
        grey = 0.299 * toned[..., 0] + 0.587 * toned[..., 1] + 0.114 * toned[..., 2]
        toned = grey[..., None] + self.saturation * (toned - grey[..., None])
        grain = rng.standard_normal(toned.shape, np.float32)
        toned = toned + self.noise * np.sqrt(np.clip(toned, 0.02, 1)) * grain
        if self.sharpen > 0.1:
            toned += self.sharpen * (toned - cv2.GaussianBlur(toned, (0, 0), 1.0))
        return np.round(255 * np.clip(toned, 0, 1)).astype(np.uint8)
