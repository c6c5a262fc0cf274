"""One whole person on a canvas: who they are, and the order in which the parts lie over each other."""

from dataclasses import dataclass

import numpy as np

from . import accessories, hairstyles
from .body import BodyPainter, Clothes, Figure
from .canvas import Canvas
from .hair import HairBrush, HairLook
from .hairstyles import Style
from .head import HeadLook, HeadPainter
from .light import Light, pick_hair, pick_skin
from .pose import Arm, Pose
from .shapes import turn


@dataclass(frozen=True)
class Stand:
    """Where a person is in pixels: centre of the face, head height, lean of the whole body in radians."""

    x: float
    y: float
    unit: float
    lean: float

    def body(self, points: np.ndarray) -> np.ndarray:
        """Pixels, float64 [..., 2], of points given in head heights."""
        return turn(points, self.lean) * self.unit + (self.x, self.y)


def paint_person(canvas: Canvas, stand: Stand, light: Light, rng: np.random.Generator) -> None:
    """Draw a random person over what is on the canvas."""
    pose, clothes, style = Pose.random(rng), Clothes.random(rng), Style.random(rng)
    skin, hair = pick_skin(rng), pick_hair(rng)
    face, hair_look = HeadLook.random(rng, skin, hair), HairLook.random(rng, hair)

    neck = (0.03 * pose.turn, rng.uniform(0.0, 0.14))

    def place(points: np.ndarray) -> np.ndarray:  # the head nods about the neck, with the hair
        return stand.body(turn(points, pose.tilt, (0.0, 0.45)))

    def place_body(points: np.ndarray) -> np.ndarray:
        return stand.body(points - neck)

    body = BodyPainter(canvas, place_body, stand.unit, Figure(pose, clothes, skin), light, rng)
    head = HeadPainter(canvas, place, stand.unit, face, pose.yaw, light, rng)
    brush = HairBrush(canvas, place, stand.unit, hair_look, light, rng)
    shift = -0.07 * pose.yaw
    far, near = _arms(pose, rng)
    hairstyles.behind(brush, style, shift)
    _trunk(body, far, near)
    _head(body, head, brush, style, pose, shift, rng)
    for arm in near:
        if arm.holds:
            accessories.held(body, arm, rng)
        body.forearm(arm)
    if rng.random() < 0.07:
        accessories.veil(body, place, rng)


def _arms(pose: Pose, rng: np.random.Generator) -> tuple[list[Arm], list[Arm]]:
    """Arms behind the trunk and before it: a body that is turned far hides one."""
    hidden = abs(pose.turn) > 0.5 and rng.random() < 0.8
    left, right = pose.arms
    if not hidden:
        return [], [left, right]
    return ([left], [right]) if pose.turn > 0 else ([right], [left])


def _trunk(body: BodyPainter, far: list[Arm], near: list[Arm]) -> None:
    """Legs, arms, neck, then the top over the shoulders; the near forearms come after the head."""
    body.lower()
    for arm in far:
        body.upper_arm(arm)
        body.forearm(arm)
    for arm in near:
        body.upper_arm(arm)
    body.neck()
    body.trunk()


def _head(body: BodyPainter, head: HeadPainter, brush: HairBrush, style: Style, pose: Pose, shift: float,
          rng: np.random.Generator) -> None:  # fmt: skip
    covered = style.name == "covered" and not pose.back
    if rng.random() < 0.12 and not covered:
        accessories.scarf(body, rng)
    head.paint(pose.back)
    if not pose.back:
        if style.beard:
            hairstyles.beard(brush, style.beard, head.turned(hairstyles.BEARD))
        if rng.random() < 0.25:
            accessories.glasses(head.canvas, lambda p: head.place(head.turned(p)), head.unit, rng)
    if covered:
        accessories.headscarf(body, head.place, rng)
        return
    hairstyles.before(brush, style, shift, pose.back)
    if rng.random() < 0.14 and style.name != "bun":
        accessories.hat(body, head.place, style.volume, rng)
    elif rng.random() < 0.08:
        accessories.beads(brush, rng)
