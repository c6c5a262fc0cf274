"""Who stands how: the numbers of a person, in head heights, with (0, 0) in the middle of the face, y down."""

from dataclasses import dataclass

import numpy as np

UPPER_ARM, FOREARM = 1.35, 1.15
ARM_POSES = ("down", "down", "down", "hip", "raised", "to_head", "folded", "pocket", "out", "hold")


@dataclass(frozen=True)
class Arm:
    """Joints, float64 [3, 2] (shoulder, elbow, wrist), and the direction of the hand in radians."""

    joints: np.ndarray
    hand: float
    holds: bool


@dataclass(frozen=True)
class Pose:
    """`broad` scales widths, `turn` in [-1, 1] is the way the body faces, `yaw` and `tilt` are the head's."""

    broad: float
    turn: float
    yaw: float
    tilt: float
    back: bool
    shoulder: float
    hip: float
    arms: tuple[Arm, Arm]
    legs: tuple[np.ndarray, np.ndarray]

    @classmethod
    def random(cls, rng: np.random.Generator) -> "Pose":
        """Any pose, those that face the viewer more often."""
        broad = float(np.clip(rng.normal(1.0, 0.12), 0.75, 1.4))
        turn = float(np.clip(rng.normal(0, 0.45), -1, 1))
        yaw = float(np.clip(0.6 * turn + rng.normal(0, 0.35), -1, 1))
        narrow = 1 - 0.3 * abs(turn)
        shoulder, hip = 0.82 * broad * narrow * rng.uniform(0.9, 1.15), 0.56 * broad * narrow
        arms = _arm(rng, -1, shoulder), _arm(rng, 1, shoulder)
        legs = _leg(rng, -1, hip), _leg(rng, 1, hip)
        tilt = float(np.clip(rng.normal(0, 0.12), -0.35, 0.35))
        return cls(broad, turn, yaw, tilt, bool(rng.random() < 0.05), shoulder, hip, arms, legs)


def _arm(rng: np.random.Generator, side: int, shoulder: float) -> Arm:
    """An arm from two angles, each measured from straight down and outward."""
    name = str(rng.choice(ARM_POSES))
    upper, fore = {
        "down": (rng.uniform(0.03, 0.3), rng.uniform(-0.25, 0.25)),
        "hip": (rng.uniform(0.55, 0.85), rng.uniform(-1.0, -0.7)),
        "raised": (rng.uniform(1.9, 2.7), rng.uniform(2.4, 3.4)),
        "to_head": (rng.uniform(1.0, 2.2), rng.uniform(3.5, 3.9)),
        "folded": (rng.uniform(0.1, 0.3), rng.uniform(-1.8, -1.4)),
        "pocket": (rng.uniform(0.25, 0.45), rng.uniform(-0.45, -0.2)),
        "out": (rng.uniform(0.5, 1.3), rng.uniform(0.4, 1.9)),
        "hold": (rng.uniform(0.15, 0.45), rng.uniform(-2.5, -1.7)),
    }[name]
    start = np.array([side * (shoulder - 0.1), 1.08])
    elbow = start + UPPER_ARM * np.array([side * np.sin(upper), np.cos(upper)]) * rng.uniform(0.9, 1.0)
    wrist = elbow + FOREARM * np.array([side * np.sin(fore), np.cos(fore)]) * rng.uniform(0.85, 1.0)
    hand = float(np.arctan2(np.cos(fore), side * np.sin(fore)) + rng.normal(0, 0.3))
    holds = name in ("hold", "out", "raised", "down") and rng.random() < 0.3
    return Arm(np.stack([start, elbow, wrist]), hand, bool(holds))


def _leg(rng: np.random.Generator, side: int, hip: float) -> np.ndarray:
    """Joints, float64 [4, 2]: hip, knee, ankle, toe."""
    top = np.array([side * hip * 0.55, 3.0])
    knee = top + np.array([side * rng.uniform(-0.05, 0.25), rng.uniform(1.65, 1.8)])
    ankle = knee + np.array([side * rng.uniform(-0.2, 0.15), rng.uniform(1.55, 1.75)])
    toe = ankle + np.array([side * rng.uniform(0.0, 0.3), rng.uniform(0.12, 0.3)])
    return np.stack([top, knee, ankle, toe])
