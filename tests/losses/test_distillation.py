"""A teacher's terms, other norms, and fresh weights for known widths."""

import mindspore as ms
import numpy as np
import pytest

from src.checkpoint.file import read_checkpoint
from src.common.errors import ConfigError, DeviceError
from src.config.config import Config
from src.losses import distilled, objective_of
from src.losses.distillation import TERMS, attention_distance
from src.models.build import build_network
from src.models.norms import freeze_batch_norm
from src.spec.blocks import Norm
from src.spec.mmnet import mmnet_spec
from src.spec.preprocess import Preprocess
from src.spec.variants import with_norm
from src.training.network import from_checkpoint
from src.training.objective import objective_for, outside_teacher
from tests.support.narrow import narrow_batch, narrow_network, narrow_spec, narrow_state, save_narrow, standard_spec
from tests.support.steps import train_step

CONFIG = Config.from_values(
    lr=0.002, semantic_scale=3.0, detail_scale=2.0, matte_scale=0.5, kd_scale=4.0, kd_feature_scale=7.0
)


def with_teacher(student, teacher, **changes):
    """The student's objective with the teacher's terms, by `CONFIG` with some changes."""
    config = CONFIG.replaced(**changes)
    return distilled(objective_of("modnet", config.loss), student, teacher, config.distillation, config.loss)


def other_network():
    return narrow_network(narrow_state(seed=1))


def test_attention_of_known_maps():
    """Rows (3, 4) and (0, 2) are (0.6, 0.8) and (0, 1) at unit length: 0.36 + 0.04; equal directions are 0 apart."""
    first = ms.Tensor([[3.0, 4.0], [1.0, 1.0]])
    second = ms.Tensor([[0.0, 2.0], [5.0, 5.0]])
    assert float(attention_distance(first, second)) == pytest.approx(0.4 / 2)


def test_a_network_has_nothing_to_learn_from_itself():
    student = narrow_network().set_train(True)
    objective = with_teacher(student, narrow_network())
    freeze_batch_norm(student)  # then both use their moving statistics
    image, trimap, alpha = map(ms.Tensor, narrow_batch(64, 2))
    losses = [float(loss) for loss in objective.losses(student(image), image, trimap, alpha)]
    assert objective.names == ("semantic", "detail", "matte", *TERMS)
    own = objective_of("modnet", CONFIG.loss).losses(student(image)[:3], image, trimap, alpha)
    assert losses[:3] == [float(loss) for loss in own]
    assert losses[3:] == pytest.approx([0] * 4, abs=1e-10)


def test_terms_against_numpy():
    student, teacher = narrow_network().set_train(True), other_network()
    objective = with_teacher(student, teacher)
    image, trimap, alpha = narrow_batch(64, 2)
    tensors = [ms.Tensor(a) for a in (image, trimap, alpha)]
    outputs = [[x.asnumpy().astype(np.float64) for x in network(tensors[0])] for network in (student, teacher)]
    found = objective.losses(student(tensors[0]), *tensors)[3:]
    (s1, d1, m1, *e1), (s2, d2, m2, *e2) = outputs
    band = trimap == 0.5

    def unit(rows):
        return rows / np.linalg.norm(rows, axis=1, keepdims=True)

    expected = [
        4 * 3 * np.square(s1 - s2).mean(),
        4 * 2 * (band * abs(d1 - d2)).mean(),
        4 * 0.5 * ((1 + 4 * band) * abs(m1 - m2)).mean(),
        7 * sum(np.square(unit(a) - unit(b)).sum(axis=1).mean() for a, b in zip(e1, e2, strict=True)),
    ]
    assert min(expected) > 1e-4
    np.testing.assert_allclose([float(x) for x in found], expected, rtol=1e-4)


def test_a_teacher_that_looks_both_ways():
    """Its terms are those of a teacher that gives the mean of two runs; the maps are of one run."""
    student, teacher = narrow_network().set_train(True), other_network()
    objective = with_teacher(student, teacher, teacher_flip=True)
    freeze_batch_norm(student)
    image, trimap, alpha = narrow_batch(64, 2)
    tensors = [ms.Tensor(a) for a in (image, trimap, alpha)]
    mine = [x.asnumpy() for x in student(tensors[0])]
    seen, other = ([x.asnumpy() for x in teacher(ms.Tensor(i))] for i in (image, image[..., ::-1].copy()))
    mean = [(a + b[..., ::-1]) / 2 for a, b in zip(seen[:3], other[:3], strict=True)]
    band = trimap == 0.5
    expected = [
        4 * 3 * np.square(mine[0] - mean[0]).mean(),
        4 * 2 * (band * abs(mine[1] - mean[1])).mean(),
        4 * 0.5 * ((1 + 4 * band) * abs(mine[2] - mean[2])).mean(),
    ]
    found = [float(x) for x in objective.losses(student(tensors[0]), *tensors)[3:]]
    np.testing.assert_allclose(found[:3], expected, rtol=1e-4)
    distance = sum(attention_distance(ms.Tensor(mine[i]), ms.Tensor(seen[i])) for i in (3, 4))
    assert found[3] == pytest.approx(7 * float(distance), rel=1e-4)
    assert abs(seen[2] - mean[2]).max() > 1e-3  # or mirroring would show nothing


def terms_of_two_steps(runtime, flip):
    config = CONFIG.replaced(teacher_flip=flip, teacher_runtime=runtime)
    student, own = narrow_network().set_train(True), objective_of("modnet", config.loss)
    objective = distilled(own, student, other_network(), config.distillation, config.loss, outside_teacher(runtime))
    assert (objective.teacher_outputs is None) == (objective.cells != ()) == (runtime == "mindspore")
    step = train_step(student, config, objective=objective)
    return [list(step(narrow_batch(64, 2), 0.002, i).parts.values()) for i in range(2)]


@pytest.mark.slow
@pytest.mark.parametrize("flip", [False, True])
def test_a_teacher_that_openvino_runs(flip):
    """Two steps' terms are those with the teacher inside of the step."""
    inside, beside = (terms_of_two_steps(runtime, flip) for runtime in ("mindspore", "openvino"))
    np.testing.assert_allclose(beside, inside, rtol=1e-3)


@pytest.mark.slow
def test_a_teacher_in_bfloat16():
    try:
        terms = terms_of_two_steps("openvino@bf16", flip=False)
    except DeviceError as error:
        assert "does not compute in bf16" in str(error)
    else:
        exact = terms_of_two_steps("openvino", flip=False)
        np.testing.assert_allclose(terms, exact, rtol=0.05)
        assert terms != exact


def test_map_energies_are_means_over_channels():
    network = narrow_network().set_train(True)
    network.returns_maps = True
    freeze_batch_norm(network)
    maps = []
    hook = network.lr_branch.conv_lr8x.register_forward_hook(lambda cell, inputs, output: maps.append(output.asnumpy()))
    outputs = network(ms.Tensor(narrow_batch(64, 2)[0]))
    hook.remove()
    axis = int(np.argwhere(np.array(maps[0].shape) == narrow_spec().lr8x.channels)[0, 0])
    expected = np.square(maps[0]).mean(axis=axis).reshape(2, -1)
    np.testing.assert_allclose(outputs[3].asnumpy(), expected, rtol=1e-4)
    assert outputs[4].shape == (2, 32 * 32)


@pytest.mark.slow
def test_a_step_moves_the_student_and_not_the_teacher():
    student, teacher = narrow_network().set_train(True), other_network()
    before = {p.name: p.asnumpy().copy() for p in teacher.get_parameters()}
    step = train_step(
        student,
        CONFIG,
        objective=with_teacher(student, teacher),
    )
    totals = [step(narrow_batch(64, 2), 0.002, i) for i in range(4)]
    assert set(totals[0].parts) == {"semantic", "detail", "matte", *TERMS}
    assert totals[-1].total < totals[0].total
    after = {p.name.removeprefix("teacher."): p.asnumpy() for p in teacher.get_parameters()}
    for name, value in before.items():
        np.testing.assert_array_equal(value, after[name], err_msg=name)
    assert all(not p.name.startswith("teacher.") for p in step.optimizer.parameters)


@pytest.mark.slow
def test_teachers_that_do_not_fit(tmp_path):
    student = narrow_network()
    path = save_narrow(tmp_path / "t.ckpt", preprocess=Preprocess(mean=(0.1, 0.2, 0.3)))
    with pytest.raises(ConfigError, match=r"normalised with mean \(0.1, 0.2, 0.3\)"):
        objective_for(student, Preprocess(), CONFIG.loss, Config.from_values(teacher=str(path)).distillation)
    with pytest.raises(ConfigError, match="`teacher_flip` needs a teacher"):
        objective_for(student, Preprocess(), CONFIG.loss, Config.from_values(teacher_flip=True).distillation)
    with pytest.raises(ConfigError, match="`teacher_runtime` needs a teacher"):
        objective_for(student, Preprocess(), CONFIG.loss, CONFIG.replaced(teacher_runtime="openvino").distillation)
    with pytest.raises(ConfigError, match=r"`teacher_runtime` cannot be 'onnx'. Known are: mindspore, openvino,"):
        Config.from_values(teacher_runtime="onnx")
    with pytest.raises(ConfigError, match="teacher is of network 'mmnet'"):
        with_teacher(student, build_network(mmnet_spec(0.5)))


def test_other_norms_keep_the_widths():
    spec = standard_spec(hr=30)
    batch = with_norm(spec, "batch")
    assert (batch.lr16x, batch.hr4x[2], batch.fusion) == (Norm(96, 0), Norm(30, 0), Norm(15, 0))
    assert batch.encoder == spec.encoder
    assert with_norm(batch, "ib") == spec == with_norm(spec, None)
    assert with_norm(mmnet_spec(1.0), "batch") == mmnet_spec(1.0)


@pytest.mark.slow
def test_batch_norms_start_from_the_half_that_there_was(tmp_path):
    checkpoint = read_checkpoint(save_narrow(tmp_path / "n.ckpt"))
    network = from_checkpoint(checkpoint, Config.from_values(ckpt_path="n.ckpt", norm="batch").network)
    assert network.spec.lr8x == Norm(6, 0)
    norm = network.lr_branch.conv_lr8x.norm.bnorm
    gamma = narrow_state()["lr_branch.conv_lr8x.norm.bnorm.gamma"]
    np.testing.assert_array_equal(norm.gamma.asnumpy(), [*gamma, 1, 1, 1])
    np.testing.assert_array_equal(norm.moving_variance.asnumpy()[3:], 1)
    name = "f_branch.conv_f.conv.weight"
    np.testing.assert_array_equal(network.parameters_dict()[name].asnumpy(), narrow_state()[name])


@pytest.mark.parametrize("freeze", [False, True])
def test_from_scratch_takes_the_widths_and_the_frozen_encoder(tmp_path, freeze):
    checkpoint = read_checkpoint(save_narrow(tmp_path / "n.ckpt"))
    config = Config.from_values(ckpt_path="n.ckpt", from_scratch=True, freeze_backbone=freeze)
    network = from_checkpoint(checkpoint, config.network)
    assert network.spec == narrow_spec()
    values = {p.name: p.asnumpy() for p in network.get_parameters()}
    same = {name: np.array_equal(values[name], narrow_state()[name]) for name in values if values[name].ndim > 1}
    assert {name for name in same if same[name]} == {name for name in same if freeze and name.startswith("encoder.")}
