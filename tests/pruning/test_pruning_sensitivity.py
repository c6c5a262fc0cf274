"""The harm that narrowing does, and widths by it; statistics of batch norms renewed."""

import csv

import mindspore as ms
import numpy as np
import pytest

from benchmarks.reference.golden import image
from src.config.dataset import DatasetSpec
from src.models.norms import batch_norms, frozen_statistics
from src.pruning.calibration import folder_batches, recalibrate, training_batches
from src.pruning.sensitivity import COLUMNS, Sensitivity, measure_sensitivity
from src.pruning.setting import Setting
from src.pruning.surgery import arrays_of, prune
from src.spec.preprocess import Preprocess
from tests.support.narrow import narrow_network
from tests.support.programs import tiny_values


@pytest.mark.slow
def test_each_trial_narrows_one_group(network, setting):
    """The score is the distance to the unpruned matte: it must be that of the network pruned for real."""
    inputs = ms.Tensor(image(64, 32, 3))
    whole = network(inputs).asnumpy()

    def score() -> float:
        return float(np.square(network(inputs).asnumpy() - whole).mean())

    before = arrays_of(network)
    table = measure_sensitivity(network, setting, score, ratios=(0.5,))
    after = arrays_of(network)
    assert all(np.array_equal(value, after[name]) for name, value in before.items())
    assert table.unpruned == 0 and table.mse.shape == (len(setting.channels.groups), 1)
    for g in (0, 6, 12, 20):
        counts = setting.sizes
        counts[g] = counts[g] // 2
        narrow = prune(network, setting.keep(counts), setting.channels)
        harm = float(np.square(narrow(inputs).asnumpy() - whole).mean())
        assert table.mse[g, 0] == pytest.approx(harm, rel=1e-3, abs=1e-9)
    detail = [group.name for group in setting.channels.groups].index("hr_branch.conv_hr.conv")
    assert table.mse[detail, 0] == 0  # only training computes it
    assert (table.mse > 0).sum() > 0.9 * table.mse.size


def table_of(setting: Setting, rises: dict[int, tuple[float, float]]) -> Sensitivity:
    """Harm at ratios 0.4 and 0.8 of some groups; of the others 100."""
    mse = np.full((len(setting.channels.groups), 2), 101.0)
    for g, rise in rises.items():
        mse[g] = 1.0 + np.array(rise)
    return Sensitivity(setting.channels, (0.4, 0.8), mse, unpruned=1.0)


def test_harm_never_falls_and_never_helps(setting):
    harm = table_of(setting, {0: (3.0, 2.0), 1: (-0.5, 0.5)}).harm()
    assert harm[0].tolist() == [0, 3, 3]
    assert harm[1].tolist() == [0, 0, 0.5]


def test_groups_are_narrowed_to_the_same_harm(setting):
    """At harm 100 * 0.5 ** 3 = 12.5: along lines from (0.4, 10) to (0.8, 20), and from (0, 0) to (0.4, 50)."""
    counts = table_of(setting, {0: (10.0, 20.0), 1: (50.0, 60.0), 2: (0.0, 0.0)}).allot(setting, 0.5)
    sizes = setting.sizes
    assert counts[0] == int((1 - 0.5) * sizes[0])  # 0.4 + 0.4 * 2.5 / 10
    assert counts[1] == int((1 - 0.1) * sizes[1])  # 0.4 * 12.5 / 50
    assert counts[2] == int((1 - 0.8) * sizes[2] + 1e-9)  # harmless: as far as was measured
    assert (counts[3:] == ((1 - 0.05) * sizes[3:]).astype(int)).all()  # 0.4 * 12.5 / 100
    assert (table_of(setting, {}).allot(setting, 0.0) == sizes).all()


@pytest.mark.slow
def test_table_and_image(setting, tmp_path):
    table = table_of(setting, {0: (10.0, 20.0)})
    table.save(tmp_path / "s.csv")
    table.draw(tmp_path / "s.png")
    with (tmp_path / "s.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert tuple(rows[0]) == COLUMNS and len(rows) == 2 * len(setting.channels.groups)
    assert rows[0] == {
        "group": "encoder.stem.conv", "part": "backbone", "channels": "6", "ratio": "0.4", "kept": "3", "mse": "11",
        "mse_unpruned": "1",
    }  # fmt: skip
    assert (tmp_path / "s.png").read_bytes().startswith(b"\x89PNG")


def test_statistics_become_the_mean_of_the_batches_own():
    """The first norm's by hand: its input is the stem's convolution of the image."""
    network = narrow_network()
    images = [image(64, 64, 3), 0.5 * image(64, 64, 9)]
    stem, norm = network.encoder.stem.conv, network.encoder.stem.norm.bnorm
    maps = [stem(network.to_layout(ms.Tensor(inputs))).asnumpy() for inputs in images]
    axis = 3 if network.to_layout.native else 1
    maps = [np.moveaxis(m, axis, 0).reshape(6, -1).astype(np.float64) for m in maps]
    assert recalibrate(network, images) == 2
    np.testing.assert_allclose(norm.moving_mean.asnumpy(), np.mean([m.mean(1) for m in maps], 0), atol=1e-5)
    n = maps[0].shape[1]
    variance = np.mean([m.var(1) for m in maps], 0)  # MindSpore stores the unbiased one
    np.testing.assert_allclose(norm.moving_variance.asnumpy(), variance * n / (n - 1), rtol=2e-3)
    assert not network.training and not any(cell.training for cell in batch_norms(network))


def test_after_one_batch_inference_is_what_training_saw():
    """With a batch's own statistics stored, inference on it gives training's mattes (but for n / (n - 1))."""
    network, images = narrow_network(), np.concatenate([image(128, 128, seed) for seed in range(4)])
    trained = [output.asnumpy() for output in network.set_train(True)(ms.Tensor(images))]

    def distances() -> list[float]:
        with frozen_statistics(network):
            inferred = [output.asnumpy() for output in network(ms.Tensor(images))]
        return [float(np.abs(a - b).mean()) for a, b in zip(trained, inferred, strict=True)]

    recalibrate(network.set_train(False), [0.3 * images])  # of other images
    before = distances()
    recalibrate(network, [images])
    after = distances()
    assert max(after) < 0.012
    assert all(new < 0.15 * old for new, old in zip(after, before, strict=True))


def test_no_image_changes_nothing():
    network = narrow_network()
    before = arrays_of(network)
    assert recalibrate(network, []) == 0
    assert all(np.array_equal(value, before[name]) for name, value in arrays_of(network).items())


def test_batches_of_a_training_set(synthetic_set, narrow_ckpt):
    spec = DatasetSpec.from_dict(tiny_values(synthetic_set, narrow_ckpt)["train_dataset"])
    batches = list(training_batches(spec, 5, seed=3))  # three of an epoch's six images, and on
    assert [tuple(a.shape for a in batch) for batch in batches] == [
        ((2, 3, 64, 64), (2, 1, 64, 64), (2, 1, 64, 64))
    ] * 5
    again = list(training_batches(spec, 2, seed=3))
    assert all(np.array_equal(a, b) for a, b in zip(again[1], batches[1], strict=True))


def test_batches_of_a_folder(synthetic_set):
    pre = Preprocess(ref_size=64)
    batches = list(folder_batches(synthetic_set / "train" / "blurred_image", pre, count=2, size=4))
    assert [batch.shape for batch in batches] == [(4, 3, 64, 64), (2, 3, 64, 64)]  # six images
    assert min(b.min() for b in batches) >= -1 and max(b.max() for b in batches) <= 1
