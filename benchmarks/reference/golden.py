"""Deterministic checkpoints and inputs behind the golden outputs in this folder.

The outputs were computed once with the original PyTorch implementations, in float32 on a CPU. Weights are a function
of the parameter's name and a seed, so that the same checkpoint can be rebuilt anywhere without the file.
"""

import json
import zlib
from pathlib import Path

import numpy as np

HERE = Path(__file__).resolve().parent
SEEDS = {"official": 11, "compression": 23, "compression_pruned": 24}


def checkpoint(kind: str) -> dict[str, np.ndarray]:
    """PyTorch state dict by one of the namings of `SEEDS`."""
    return weights(json.loads((HERE / f"{kind}_keys.json").read_text()), SEEDS[kind])


def weights(keys: list[tuple[str, list[int]]], seed: int) -> dict[str, np.ndarray]:
    """Map every [name, shape] to a float32 array that depends on the name and the seed alone."""
    state = {}
    for name, shape in keys:
        canonical = name.replace("lr_branch.backbone.", "backbone.")  # the official file stores the backbone twice
        rng = np.random.RandomState((zlib.crc32(canonical.encode()) + seed) % 2**32)
        if name.endswith("num_batches_tracked"):
            state[name] = np.array(100, np.int64)
            continue
        if name.endswith("running_mean"):
            value = 0.1 * rng.standard_normal(shape)
        elif name.endswith("running_var"):
            value = rng.uniform(0.5, 1.5, shape)
        elif len(shape) == 4:
            value = rng.standard_normal(shape) * np.sqrt(2.0 / np.prod(shape[1:]))
        elif len(shape) == 2:
            value = rng.standard_normal(shape) * np.sqrt(1.0 / shape[1])
        elif name.endswith("weight"):
            value = rng.uniform(0.8, 1.2, shape)
        else:
            value = 0.05 * rng.standard_normal(shape)
        state[name] = np.asarray(value, np.float32)
    return state


def image(height: int, width: int, seed: int) -> np.ndarray:
    """A smooth network input, float32 [1, 3, height, width] in [-1, 1]."""
    y, x = np.mgrid[0:height, 0:width].astype(np.float64)
    planes = []
    for channel in range(3):
        rng = np.random.RandomState(seed + channel)
        plane = np.zeros((height, width))
        for _ in range(6):
            fx, fy, phase = rng.uniform(-6, 6), rng.uniform(-6, 6), rng.uniform(0, 6.28)
            plane += np.sin(2 * np.pi * (fx * x / width + fy * y / height) + phase)
        planes.append(plane / 6)
    return np.clip(np.stack(planes), -1, 1).astype(np.float32)[None]


def training_batch(size: int, seed: int, batch: int = 2) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Image [B, 3, S, S], trimap [B, 1, S, S] of 0, 0.5 and 1 and matte [B, 1, S, S]: a soft disc an image."""
    images = np.concatenate([image(size, size, seed + 10 * i) for i in range(batch)])
    y, x = np.mgrid[0:size, 0:size]
    mattes = []
    for i in range(batch):
        distance = np.hypot(x - size * (0.5 + 0.05 * i), y - size * 0.55) - size * (0.25 + 0.03 * i)
        mattes.append(np.clip(0.5 - distance / 12, 0, 1))
    matte = np.stack(mattes)[:, None].astype(np.float32)
    trimap = np.where(matte >= 0.98, 1.0, np.where(matte <= 0.02, 0.0, 0.5)).astype(np.float32)
    return images, trimap, matte
