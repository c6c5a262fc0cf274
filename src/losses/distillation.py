"""A trained network as the teacher of a smaller one: terms that are added to the student's own losses."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import mindspore as ms
import numpy as np
from mindspore import nn, ops

from ..common.errors import ConfigError
from ..config.sections import DistillationSection, LossSection
from ..models.norms import freeze_batch_norm
from .objective import Objective

TERMS = ("kd_semantic", "kd_detail", "kd_matte", "kd_feature")
Run = Callable[[np.ndarray], Sequence[np.ndarray]]


def distilled(
    objective: Objective,
    student: nn.Cell,
    teacher: nn.Cell,
    distillation: DistillationSection,
    loss: LossSection,
    outside: Callable[[nn.Cell], Run] | None = None,
) -> Objective:
    """The student's objective and four terms that draw its outputs and maps to the teacher's on the same batch.

    - kd_semantic: mean squared difference of the semantic matte, kd_detail: mean absolute difference of the details
      inside the trimap's unknown band, kd_matte: mean absolute difference of the matte, the band five times; weighted
      as the student's own losses of these names, times `kd_scale`.
    - kd_feature: squared distance of attention maps (mean of a map's squares over its channels, of unit length) at 1/8
      and 1/2 of the side, which asks nothing of the widths (Zagoruyko and Komodakis, "Paying more attention to
      attention", ICLR 2017); times `kd_feature_scale`.

    With `teacher_flip`, the teacher's three mattes are the mean of the image's and of its mirror image's,
    mirrored back, which errs less than either; the maps are the image's.

    Both networks must be MODNets, of any widths. The teacher's norms use their moving statistics; it learns nothing.
    It is part of the compiled step, unless `outside` makes of it a function (images [N, 3, H, W]) -> its five outputs.
    Raises ConfigError for another class.
    """
    for role, network in (("student", student), ("teacher", teacher)):
        if network.spec.network != "modnet":
            raise ConfigError(f"Distillation is for MODNets; the {role} is of network '{network.spec.network}'.")
    freeze(teacher)
    student.returns_maps = teacher.returns_maps = True
    own: Callable = objective.losses
    terms = _terms(distillation, loss)
    facts = objective.facts, distillation.kd_scale, distillation.kd_feature_scale, distillation.teacher_flip, loss
    names = objective.names + TERMS

    def losses_with_teacher(
        predictions: tuple[ms.Tensor, ...],
        image: ms.Tensor,
        trimap: ms.Tensor,
        alpha: ms.Tensor,
        *teacher_outputs: ms.Tensor,
    ) -> tuple[ms.Tensor, ...]:
        return own(predictions[:3], image, trimap, alpha) + terms(predictions, trimap, teacher_outputs)

    if outside is not None:
        run = outside(teacher)
        teacher_outputs = _both_ways(run, _mirrored_array) if distillation.teacher_flip else run
        return replace(objective, names=names, losses=losses_with_teacher, facts=facts, teacher_outputs=teacher_outputs)
    look = _both_ways(teacher, _mirrored) if distillation.teacher_flip else teacher

    def losses(
        predictions: tuple[ms.Tensor, ...], image: ms.Tensor, trimap: ms.Tensor, alpha: ms.Tensor
    ) -> tuple[ms.Tensor, ...]:
        return losses_with_teacher(predictions, image, trimap, alpha, *look(image))

    return replace(objective, names=names, losses=losses, facts=facts, cells=(teacher,))


def _terms(
    distillation: DistillationSection, loss: LossSection
) -> Callable[[tuple[ms.Tensor, ...], ms.Tensor, tuple[ms.Tensor, ...]], tuple]:
    """(outputs of the student, trimap, outputs of the teacher) -> `TERMS`."""
    semantic_scale, detail_scale = (
        distillation.kd_scale * loss.semantic_scale,
        distillation.kd_scale * loss.detail_scale,
    )
    matte_scale, feature_scale = distillation.kd_scale * loss.matte_scale, distillation.kd_feature_scale

    def terms(student: tuple[ms.Tensor, ...], trimap: ms.Tensor, teacher: tuple[ms.Tensor, ...]) -> tuple:
        band = (trimap == 0.5).astype(trimap.dtype)
        return (
            semantic_scale * ops.square(student[0] - teacher[0]).mean(),
            detail_scale * (band * ops.abs(student[1] - teacher[1])).mean(),
            matte_scale * ((1 + 4 * band) * ops.abs(student[2] - teacher[2])).mean(),
            feature_scale * (attention_distance(student[3], teacher[3]) + attention_distance(student[4], teacher[4])),
        )

    return terms


def _both_ways(teacher: Callable, mirrored: Callable) -> Callable:
    """`teacher` with its three mattes averaged over an image and its mirror image."""

    def look(image: ms.Tensor | np.ndarray) -> tuple:
        seen, other = teacher(image), teacher(mirrored(image))
        semantic, detail, matte = [0.5 * (seen[i] + mirrored(other[i])) for i in range(3)]
        return semantic, detail, matte, seen[3], seen[4]

    return look


def _mirrored(x: ms.Tensor) -> ms.Tensor:
    return ops.flip(x, (3,))


def _mirrored_array(x: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(x[..., ::-1])


def attention_distance(attention: ms.Tensor, other: ms.Tensor) -> ms.Tensor:
    """Mean over images of the squared distance between two [N, P] rows scaled to unit length; from 0 to 2."""
    return ops.square(unit_length(attention) - unit_length(other)).sum(axis=1).mean()


def unit_length(rows: ms.Tensor) -> ms.Tensor:
    """Rows [N, P] divided by their Euclidean lengths."""
    return rows / ops.sqrt(ops.square(rows).sum(axis=1, keepdims=True) + 1e-12)


def freeze(teacher: nn.Cell) -> None:
    """Heads on, norms as in inference, nothing trained, and names that no student's parameter has."""
    teacher.set_train(True)
    freeze_batch_norm(teacher)
    for parameter in teacher.get_parameters():
        parameter.requires_grad = False
        parameter.name = f"teacher.{parameter.name}"
