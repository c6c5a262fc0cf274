"""Samples, their order over a run, shards and resuming."""

import cv2
import numpy as np
import pytest

from src.common.errors import ConfigError, DataError
from src.config.dataset import DatasetSpec
from src.data.samples import MattingSamples
from src.data.sequence import TrainingSequence
from src.data.streams import epoch_order, sample_rng
from src.imaging import write_alpha, write_png
from tests.support.transform_samples import painted_sample

TRAIN = [{"type": "LoadImages"}, {"type": "RandomCrop", "crop_size": [32, 32]}, {"type": "RandomHorizontalFlip"},
         {"type": "GenTrimap"}, {"type": "Normalize"}, {"type": "Transpose"}]  # fmt: skip


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    """Eleven pairs; the blue channel of image i is 20 * i everywhere."""
    folder = tmp_path_factory.mktemp("set")
    for i in range(11):
        sample = painted_sample(40, 48)
        sample["image"][..., 2] = 20 * i
        write_png(folder / "image" / f"p{i}.png", sample["image"])
        write_alpha(folder / "mask" / f"p{i}.png", sample["alpha"])
    return folder


def samples(root, transforms=TRAIN, training=True, **keys) -> MattingSamples:
    return MattingSamples(DatasetSpec(str(root), name="folder", transforms=tuple(transforms), **keys), training, seed=3)


def number_of(item) -> int:
    """Which image an item shows, read off its blue channel."""
    return round((item[0][2, 0, 0] * 0.5 + 0.5) * 255 / 20)


def test_samples_are_what_the_transforms_make_of_the_pairs(root):
    data = samples(root)
    assert len(data) == 11
    sample = data.sample(4, sample_rng(3, 0, 4))
    assert sample["name"] == "p4" and number_of((sample["image"],)) == 4
    assert sample["image"].shape == (3, 32, 32) and sample["trimap"].shape == sample["alpha"].shape == (1, 32, 32)
    np.testing.assert_array_equal(sample["image"], data.sample(4)["image"])  # the default stream is (seed, 0, index)
    red = sample["image"][0] * 0.5 + 0.5
    np.testing.assert_allclose(red, sample["alpha"][0], atol=1 / 255)


def test_a_size_mismatch_names_both(root, tmp_path):
    sample = painted_sample(40, 48)
    write_png(tmp_path / "image" / "a.png", sample["image"])
    write_alpha(tmp_path / "mask" / "a.png", sample["alpha"][:30])
    with pytest.raises(DataError, match=r"is 48x40 but its alpha .* is 48x30"):
        samples(tmp_path).sample(0)


@pytest.mark.parametrize(
    ("transforms", "text"),
    [
        ([], "must begin with `- type: LoadImages`"),
        (TRAIN[1:], "must begin with `- type: LoadImages`"),
        (TRAIN[:3], "lack GenTrimap, Normalize, Transpose"),
        ([*TRAIN, {"type": "Flip"}], "Unknown transform `Flip`"),
    ],
)
def test_transforms_are_checked_before_any_work(root, transforms, text):
    with pytest.raises(ConfigError, match=text):
        samples(root, transforms)


def test_validation_needs_no_trimap(root):
    sample = samples(root, [TRAIN[0], *TRAIN[4:]], training=False).sample(0)
    assert sample["image"].shape == (3, 40, 48) and "trimap" not in sample


def test_epoch_orders_are_permutations_that_differ():
    orders = [tuple(epoch_order(50, 7, epoch)) for epoch in range(4)] + [tuple(epoch_order(50, 8, 0))]
    assert all(sorted(order) == list(range(50)) for order in orders)
    assert len(set(orders)) == 5
    assert tuple(epoch_order(50, 7, 2)) == orders[2]


def test_sample_streams_differ_in_every_part_of_their_key():
    keys = [(1, 0, 0), (2, 0, 0), (1, 1, 0), (1, 0, 1)]
    draws = [tuple(sample_rng(*key).random(4)) for key in keys]
    assert len(set(draws)) == 4 and tuple(sample_rng(1, 1, 0).random(4)) == draws[2]


def test_an_epoch_is_a_permutation_cut_into_whole_batches(root):
    sequence = TrainingSequence(samples(root), batch_size=4, seed=5, epochs=3)
    assert sequence.steps_per_epoch == 2 and len(sequence) == 3 * 2 * 4
    for epoch in range(3):
        seen = [number_of(sequence[k]) for k in range(8 * epoch, 8 * epoch + 8)]
        assert seen == epoch_order(11, 5, epoch)[:8].tolist()
    assert [number_of(sequence[k]) for k in range(8)] != [number_of(sequence[k]) for k in range(8, 16)]


def test_items_are_float32_of_one_size(root):
    sequence = TrainingSequence(samples(root), 4, 5, 1)
    for image, trimap, alpha in sequence:
        assert image.shape == (3, 32, 32) and trimap.shape == alpha.shape == (1, 32, 32)
        assert image.dtype == trimap.dtype == alpha.dtype == np.float32
        assert set(np.unique(trimap)) <= {0, 0.5, 1} and image.min() >= -1 and image.max() <= 1
    for k in (-1, len(sequence)):
        with pytest.raises(IndexError):
            sequence[k]


@pytest.mark.parametrize("world", [2, 3])
def test_ranks_share_each_step_without_overlap(root, world):
    data, batch = samples(root), 2
    whole = TrainingSequence(data, batch * world, 5, 2)
    parts = [TrainingSequence(data, batch, 5, 2, rank, world) for rank in range(world)]
    assert {part.steps_per_epoch for part in parts} == {whole.steps_per_epoch} == {11 // (2 * world)}
    for step in range(2 * whole.steps_per_epoch):
        one = [whole[step * batch * world + i] for i in range(batch * world)]
        many = [part[step * batch + i] for part in parts for i in range(batch)]
        numbers = [number_of(item) for item in many]
        assert len(set(numbers)) == batch * world
        # Not only the same images: the same pixels after the same random choices.
        for a, b in zip(one, many, strict=True):
            for x, y in zip(a, b, strict=True):
                np.testing.assert_array_equal(x, y)


@pytest.mark.parametrize("start_step", [1, 2, 3, 5])
def test_resuming_gives_what_would_have_come(root, start_step):
    data = samples(root)
    whole = TrainingSequence(data, 2, 9, 2, rank=1, world=2)
    rest = TrainingSequence(data, 2, 9, 2, rank=1, world=2, start_step=start_step)
    assert len(whole) - len(rest) == min(2 * start_step, len(whole))
    for k in range(len(rest)):
        for x, y in zip(rest[k], whole[k + 2 * start_step], strict=True):
            np.testing.assert_array_equal(x, y)


def test_a_finished_run_has_nothing_left(root):
    assert len(TrainingSequence(samples(root), 2, 9, 2, start_step=10)) == 0
    assert len(TrainingSequence(samples(root), 2, 9, 2, start_step=99)) == 0


def test_one_image_is_augmented_anew_in_every_epoch(root):
    sequence = TrainingSequence(samples(root, limit=1), 1, 0, 8)
    assert len({sequence[k][2].tobytes() for k in range(8)}) > 4


def test_crop_size_is_one_for_a_step_and_changes_between_steps(root):
    transforms = [TRAIN[0], {"type": "RandomCrop", "crop_size": [[16, 16], [32, 32]]}, *TRAIN[2:]]
    data = samples(root, transforms)
    parts = [TrainingSequence(data, 2, 1, 6, rank, 2) for rank in range(2)]
    sides = [{part[2 * step + i][0].shape[1] for part in parts for i in range(2)} for step in range(12)]
    assert all(len(side) == 1 for side in sides) and set.union(*sides) == {16, 32}


def test_a_batch_larger_than_the_set(root):
    data = samples(root)
    with pytest.raises(DataError, match=r"11 images, but one step needs 12 .*batch_size of at most 11"):
        TrainingSequence(data, 12, 0, 1)
    with pytest.raises(DataError, match=r"batch_size 4, devices 3.*at most 3"):
        TrainingSequence(data, 4, 0, 1, 0, 3)
    with pytest.raises(DataError, match="fewer devices"):
        TrainingSequence(data, 1, 0, 1, 0, 16)
    assert len(TrainingSequence(data, 11, 0, 1)) == 11


def test_fields_of_different_size_are_an_error(root):
    transforms = [
        TRAIN[0],
        {"type": "GenTrimap"},
        {"type": "ResizeByShort", "ref_size": 64, "gt_field": []},
        *TRAIN[4:],
    ]
    with pytest.raises(ConfigError, match="Leave `gt_field: "):
        TrainingSequence(samples(root, transforms), 2, 0, 1)[0]


@pytest.fixture(scope="module")
def amd_root(tmp_path_factory):
    """Two red foregrounds (48 x 40) and three backgrounds of other sizes: green, blue and grey."""
    root = tmp_path_factory.mktemp("amd")
    for i in range(2):
        sample = painted_sample(40, 48)
        sample["image"][:] = (200 + i, 0, 0)
        write_png(root / "fg" / f"f{i}.png", sample["image"])
        write_alpha(root / "alpha" / f"f{i}.png", sample["alpha"])
    for name, size, color in (("g", (30, 90), (0, 250, 0)), ("b", (200, 60), (0, 0, 250)), ("k", (40, 48), (9, 9, 9))):
        write_png(root / "bg" / f"{name}.png", np.full((*size, 3), color, np.uint8))
    (root / "fg.txt").write_text("f1.png\nf0.png\n")
    (root / "bg.txt").write_text("g.png\nb.png\nk.png\n")
    return root


def amd_samples(root, transforms) -> MattingSamples:
    values = {
        "name": "AMD",
        "dataset_root": str(root),
        "alpha_subpath": "alpha",
        "fg_names": "fg.txt",
        "bg_names": "bg.txt",
    }
    return MattingSamples(DatasetSpec.from_dict({**values, "transforms": transforms}), training=False, seed=0)


def test_amd_composes_foregrounds_on_random_backgrounds(amd_root):
    data = amd_samples(amd_root, [{"type": "LoadImages"}])
    assert len(data) == 2
    backgrounds = set()
    for seed in range(30):
        sample = data.sample(0, np.random.default_rng(seed))
        image, alpha = sample["image"].astype(float), sample["alpha"]
        assert sample["name"] == "f1" and image.shape == (40, 48, 3)
        assert (image[alpha == 1] == (201, 0, 0)).all()
        (color,) = {tuple(pixel) for pixel in image[alpha == 0].tolist()}
        expected = alpha[..., None] * np.array([201, 0, 0]) + (1 - alpha[..., None]) * np.array(color)
        np.testing.assert_allclose(image, expected, atol=0.51)
        backgrounds.add(color)
    assert backgrounds == {(0, 250, 0), (0, 0, 250), (9, 9, 9)}
    np.testing.assert_array_equal(data.sample(1)["image"], data.sample(1)["image"])


def test_amd_transforms_see_the_composed_image(amd_root):
    data = amd_samples(amd_root, TRAIN)
    item = TrainingSequence(data, 2, 0, 1)[0]
    assert [x.shape for x in item] == [(3, 32, 32), (1, 32, 32), (1, 32, 32)]


def test_amd_backgrounds_are_looked_for_at_once(amd_root, tmp_path):
    (amd_root / "more.txt").write_text("g.png\nsky.png\n")
    values = {"name": "AMD", "dataset_root": str(amd_root), "alpha_subpath": "alpha", "fg_names": "fg.txt"}
    spec = DatasetSpec.from_dict({**values, "bg_names": "more.txt", "transforms": TRAIN})
    with pytest.raises(DataError, match=r"1 of 2 listed names are not in .*bg': sky\.png"):
        MattingSamples(spec, training=True)


def test_truncated_image_is_named(tmp_path):
    sample = painted_sample(64, 64)
    data = cv2.imencode(".jpg", sample["image"])[1].tobytes()
    (tmp_path / "image").mkdir()
    (tmp_path / "image" / "a.jpg").write_bytes(data[: len(data) // 2])
    write_alpha(tmp_path / "mask" / "a.png", sample["alpha"])
    with pytest.raises(DataError, match=r"image/a\.jpg' is truncated"):
        TrainingSequence(samples(tmp_path), 1, 0, 1)[0]
