"""Unlabelled images of folders, videos and mixtures."""

import inspect
from pathlib import Path

import cv2
import numpy as np
import pytest

from src.common.errors import ConfigError, DataError
from src.config.dataset import DatasetSpec
from src.data import unlabelled
from src.data.doctor.check import check_section
from src.data.sample_size import check_sample_sides
from src.data.samples import check_transforms
from src.data.sequence import TrainingSequence
from src.data.transforms import build_transforms
from src.data.transforms.registry import _REGISTRY
from src.data.unlabelled import UnlabelledSamples
from src.imaging.video import write_video
from src.training.loader import batches

PLAIN = ({"type": "LoadImages"}, {"type": "Normalize"}, {"type": "Transpose"})


def shade(sample: dict) -> int:
    """The grey level that an image or frame was painted with."""
    return round(float((sample["image"].mean() * 0.5 + 0.5) * 255))


def video(path: Path, frames: int, size: tuple[int, int] = (64, 64)) -> Path:
    """Frame i is of grey 10 i + 20, give or take what MPEG-4 makes of it."""
    with write_video(path, "mp4v", 25, size, color=True) as write:
        for i in range(frames):
            write(np.full((*size, 3), 10 * i + 20, np.uint8))
    return path


def folder(path: Path, count: int, size: tuple[int, int] = (64, 64)) -> Path:
    """Image i, in natural order, is of grey 200 + i."""
    path.mkdir()
    for i in range(count):
        cv2.imwrite(str(path / f"p{i}.png"), np.full((*size, 3), 200 + i, np.uint8))
    return path


def section(**values) -> DatasetSpec:
    return DatasetSpec.from_dict({"name": "unlabelled", "transforms": PLAIN} | values)


def shades(**values) -> list[int]:
    samples = UnlabelledSamples(section(**values))
    return [shade(samples.sample(i)) for i in range(len(samples))]


def test_a_folder(tmp_path):
    root = folder(tmp_path / "a", 11)
    assert shades(dataset_root=str(root)) == [200 + i for i in range(11)]
    assert shades(dataset_root=str(tmp_path), img_subpath="a", limit=3) == [200, 201, 202]


def test_a_video(tmp_path):
    root = str(video(tmp_path / "v.mp4", 9))
    assert shades(dataset_root=root) == pytest.approx([10 * i + 20 for i in range(9)], abs=4)
    assert shades(dataset_root=root, every=4) == pytest.approx([20, 60, 100], abs=4)
    assert shades(dataset_root=root, every=2, limit=3) == pytest.approx([20, 40, 60], abs=4)


def test_a_mixture(tmp_path):
    """What `also` names has a limit and a path of its own, not the section's."""
    also = [{"dataset_root": str(video(tmp_path / "v.mp4", 6)), "every": 3}, {"dataset_root": str(tmp_path / "b")}]
    folder(tmp_path / "a", 3), folder(tmp_path / "b", 2)
    found = shades(dataset_root=str(tmp_path), img_subpath="a", limit=1, also=also)
    assert found == pytest.approx([200, 20, 50, 200, 201], abs=4)


@pytest.mark.parametrize("workers", [0, 2])
def test_batches_hold_the_image_alone(tmp_path, workers):
    spec = section(dataset_root=str(video(tmp_path / "v.mp4", 5)))
    sequence = TrainingSequence(UnlabelledSamples(spec), batch_size=2, seed=1, epochs=2)
    taken = list(batches(sequence, 2, workers))
    assert sequence.steps_per_epoch == 2 and len(taken) == 4
    for batch in taken:
        assert len(batch) == 1 and batch[0].shape == (2, 3, 64, 64) and batch[0].dtype == np.float32
    order = [round(float(image.mean() * 0.5 + 0.5) * 255) for (image,) in (row for row in taken) for image in image]
    assert order == pytest.approx([10 * sequence.index(k)[2] + 20 for k in range(8)], abs=4)


def test_augmentation_draws_from_the_samples_stream(tmp_path):
    path = tmp_path / "a"
    path.mkdir()
    image = np.random.default_rng(0).integers(0, 255, (96, 96, 3), np.uint8)
    cv2.imwrite(str(path / "p.png"), image)
    crop = {"type": "RandomScaleCrop", "crop_size": [64, 32], "scale": [0.8, 2.0]}
    samples = UnlabelledSamples(section(dataset_root=str(path), transforms=[PLAIN[0], crop, *PLAIN[1:]]))
    one, same, other = (samples.sample(0, np.random.default_rng(seed))["image"] for seed in (1, 1, 2))
    assert one.shape == (3, 32, 64)
    np.testing.assert_array_equal(one, same)
    assert np.abs(one - other).mean() > 0.1


@pytest.mark.parametrize("frames", [1, 3])
def test_a_video_of_too_few_frames(tmp_path, frames):
    root = str(video(tmp_path / "v.mp4", frames))
    with pytest.raises(DataError, match=f"gives 1 frames with `every: {frames}`.*too few to adapt to. Lower `every`"):
        UnlabelledSamples(section(dataset_root=root, every=frames))


def test_files_that_are_no_video(tmp_path):
    path = tmp_path / "v.mp4"
    with pytest.raises(DataError, match=r"no folder of images and no video at '.*v\.mp4'"):
        UnlabelledSamples(section(dataset_root=str(path)))
    path.write_bytes(b"no video" * 99)
    with pytest.raises(DataError, match="is no video that OpenCV can open"):
        UnlabelledSamples(section(dataset_root=str(path)))


def test_images_and_frames_below_the_networks_multiple(tmp_path):
    with pytest.raises(DataError, match=r"v\.mp4, frame 0' is 30x64 .*at least 32 pixels"):
        UnlabelledSamples(section(dataset_root=str(video(tmp_path / "v.mp4", 3, (64, 30)))))
    with pytest.raises(DataError, match=r"p0\.png' is 64x20"):
        UnlabelledSamples(section(dataset_root=str(folder(tmp_path / "a", 1, (20, 64)))))


def test_outputs_that_are_no_multiple(tmp_path):
    root = str(folder(tmp_path / "a", 1))
    crop = {"type": "RandomCrop", "crop_size": [48, 64]}
    with pytest.raises(ConfigError, match=r"images of 48x64 .* multiples of 32. Set `crop_size`"):
        check_sample_sides(UnlabelledSamples(section(dataset_root=root, transforms=[PLAIN[0], crop, *PLAIN[1:]])))


def test_transforms_that_read_the_alpha_are_refused_and_no_others(tmp_path):
    """Every transform, its probabilities at 1, works on a sample without alpha or is refused for one."""
    root = folder(tmp_path / "a", 1, (96, 96))
    refused = set()
    for name, kind in _REGISTRY.items():
        if name in ("LoadImages", "Normalize", "Transpose"):
            continue
        certain = {key: 1.0 for key in ("probability", "person") if key in inspect.signature(kind).parameters}
        spec = section(dataset_root=str(root), transforms=[PLAIN[0], {"type": name, **certain}])
        try:
            build_transforms(spec.transforms)(
                {"name": "p", "image_path": str(root / "p0.png"), "batch_draw": 0.0}, np.random.default_rng(0)
            )
        except KeyError as error:
            assert error.args == ("alpha",)
            refused.add(name)
            with pytest.raises(ConfigError, match=f"`{name}` reads the alpha, which unlabelled images do not"):
                check_transforms(spec, training=False)
        else:
            check_transforms(spec, training=False)
    assert refused >= {"GenTrimap", "BackgroundSwap", "RandomScaleCrop"}
    check_transforms(section(dataset_root="x", transforms=[PLAIN[0], {"type": "RandomScaleCrop"}]), training=False)


def test_a_video_that_would_fill_the_memory(tmp_path, monkeypatch):
    monkeypatch.setattr(unlabelled, "MOST_BYTES", 5 * 64 * 64 * 3)
    root = str(video(tmp_path / "v.mp4", 12))
    with pytest.raises(DataError, match=r"The first 6 frames taken of '.*v\.mp4' fill .* Raise `every`"):
        UnlabelledSamples(section(dataset_root=root))
    assert len(UnlabelledSamples(section(dataset_root=root, every=3))) == 4


@pytest.mark.parametrize(("key", "value"), [("every", 0), ("every", 1.5), ("limit", 0), ("type", "MattingRecords")])
def test_sections_that_cannot_be(key, value):
    with pytest.raises(ConfigError, match=r"`every` must be|`limit` must be|`name: unlabelled` needs"):
        section(dataset_root="x", **{key: value})


def test_the_doctor_looks_at_unlabelled_images(tmp_path):
    root = folder(tmp_path / "a", 3)
    (root / "p1.png").write_bytes((root / "p1.png").read_bytes()[:60])
    also = [{"dataset_root": str(video(tmp_path / "v.mp4", 3))}]
    report = check_section("train_dataset", section(dataset_root=str(root), batch_size=9, also=also), workers=1)
    assert [fact.size for fact in report.facts] == [(64, 64), None, (64, 64)]
    assert [finding.kind for finding in report.findings] == ["unreadable image"]
    report = check_section("val_dataset", section(dataset_root=str(root)), workers=1)
    assert "have no alphas to learn from or to score with" in report.text()


def test_images_of_several_sizes_in_a_batch(tmp_path):
    root = folder(tmp_path / "a", 2)
    cv2.imwrite(str(root / "p1.png"), np.zeros((64, 96, 3), np.uint8))
    sequence = TrainingSequence(UnlabelledSamples(section(dataset_root=str(root))), batch_size=2, seed=1, epochs=1)
    with pytest.raises(ConfigError, match=r"samples of several sizes .*3,64,\d\d and 3,64,\d\d.* with RandomScaleCrop"):
        list(batches(sequence, 2, 0))
