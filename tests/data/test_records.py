"""Records: the same training samples as from the files, and what is said of damaged or foreign ones."""

import json
import shutil
import subprocess
from pathlib import Path

import cv2
import numpy as np
import pytest

from src.common.errors import ConfigError, DataError
from src.config.dataset import DatasetSpec
from src.data.record_writer import Encoding, write_records
from src.data.records import MANIFEST, Records
from src.data.samples import MattingSamples
from src.data.sequence import TrainingSequence
from src.imaging import read_alpha, read_image, write_alpha, write_png
from tests.support.transform_samples import painted_sample

TRAIN = [{"type": "LoadImages"}, {"type": "ResizeByShort", "ref_size": 64},
         {"type": "RandomCrop", "crop_size": [48, 48]}, {"type": "GenTrimap"}, {"type": "RandomHorizontalFlip"},
         {"type": "Normalize"}, {"type": "Transpose"}]  # fmt: skip
WHOLE = Encoding(short_side=None, quality=95, allow_rgb=False)
COUNT = 7


@pytest.fixture(scope="module")
def root(tmp_path_factory) -> Path:
    """Seven pairs of several sizes and kinds: JPEG, one of them lying on its side by EXIF, PNG, a 16-bit alpha."""
    folder = tmp_path_factory.mktemp("set")
    for i in range(COUNT):
        sample = painted_sample(150 + 8 * i, 200)
        sample["image"][..., 2] = 20 * i
        write_png(folder / "image" / f"p{i}.png", sample["image"])
        write_alpha(folder / "mask" / f"p{i}.png", sample["alpha"])
    for i in (1, 2, 4):
        png = folder / "image" / f"p{i}.png"
        cv2.imwrite(str(png.with_suffix(".jpg")), cv2.imread(str(png)))
        png.unlink()
    jpeg = folder / "image" / "p2.jpg"
    upright = read_image(jpeg)
    cv2.imwrite(str(jpeg), cv2.rotate(upright, cv2.ROTATE_90_COUNTERCLOCKWISE)[..., ::-1])
    exif = b"Exif\0\0MM\0*\0\0\0\x08\0\1\x01\x12\0\3\0\0\0\1\0\6\0\0\0\0\0\0"
    data = jpeg.read_bytes()
    jpeg.write_bytes(data[:2] + b"\xff\xe1" + (len(exif) + 2).to_bytes(2, "big") + exif + data[2:])
    assert read_image(jpeg).shape == upright.shape
    alpha = read_alpha(folder / "mask" / "p3.png")
    cv2.imwrite(str(folder / "mask" / "p3.png"), np.rint(65535 * alpha**1.1).astype(np.uint16))
    return folder


def section(folder: Path, kind: str = "MattingRecords", **keys) -> DatasetSpec:
    values = {"name": "folder", "img_subpath": "image", "alpha_subpath": "mask", "transforms": tuple(TRAIN)}
    return DatasetSpec(str(folder), type=kind, **{**values, **keys})


@pytest.fixture(scope="module")
def whole(root, tmp_path_factory) -> Path:
    """Records of all images as they are, in three shards."""
    folder = tmp_path_factory.mktemp("records") / "whole"
    assert write_records(section(root, "MattingDataset"), folder, WHOLE, shards=3, workers=1) == 3
    return folder


@pytest.fixture
def copy(whole, tmp_path) -> Path:
    """A copy to be spoilt. Shards are mostly holes, which are not copied."""
    subprocess.run(["cp", "-r", "--sparse=always", whole, tmp_path / "copy"], check=True)
    return tmp_path / "copy"


def sequence(spec: DatasetSpec, **position) -> TrainingSequence:
    return TrainingSequence(MattingSamples(spec, training=True, seed=5), 2, seed=5, epochs=2, **position)


def assert_equal_items(one, other) -> None:
    assert len(one) == len(other) > 0
    for k in range(len(one)):
        for a, b in zip(one[k], other[k], strict=True):
            np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("position", [{}, {"rank": 1, "world": 2}, {"start_step": 4}])
def test_training_from_whole_records_equals_training_from_the_files(root, whole, position):
    files, records = section(root, "MattingDataset"), section(whole)
    assert_equal_items(sequence(files, **position), sequence(records, **position))


def test_reduced_decoding_works_on_records_too(root, whole):
    steps = [{"type": "LoadImages", "reduce_to": 64}, *TRAIN[1:]]
    files, records = section(root, "MattingDataset", transforms=steps), section(whole, transforms=steps)
    assert_equal_items(sequence(files), sequence(records))
    full, reduced = MattingSamples(section(whole), training=True), MattingSamples(records, training=True)
    same = [np.array_equal(full.sample(i)["image"], reduced.sample(i)["image"]) for i in range(COUNT)]
    assert same == [True, False, False, True, False, True, True]  # three are JPEGs


def test_images_are_kept_byte_for_byte_and_alphas_value_for_value(root, whole):
    records = Records(whole)
    assert records.names == [f"p{i}" for i in range(COUNT)] and not records.damaged()
    assert [shard.pictures for shard in records.shards] == [2, 2, 3]
    for i, name in enumerate(records.names):
        image, alpha = records.read(i)
        (file,) = (root / "image").glob(f"{name}.*")
        assert image == file.read_bytes()
        stored = cv2.imdecode(np.frombuffer(alpha, np.uint8), cv2.IMREAD_UNCHANGED)
        expected = cv2.imread(str(root / "mask" / f"{name}.png"), cv2.IMREAD_UNCHANGED)
        assert stored.dtype == expected.dtype
        np.testing.assert_array_equal(stored, expected)


def test_mindspore_reads_the_same_records(whole):
    import mindspore.dataset as ds

    records = Records(whole)
    files = [str(whole / shard.file) for shard in records.shards]
    rows = ds.MindDataset(files, shuffle=False).create_dict_iterator(num_epochs=1, output_numpy=True)
    found = {str(row["name"]): (row["image"].item(), row["alpha"].item()) for row in rows}
    assert found == {name: records.read(i) for i, name in enumerate(records.names)}


def test_shrunk_records_are_close_to_the_files(root, tmp_path):
    encoding = Encoding(short_side=64, quality=95, allow_rgb=False)
    write_records(section(root, "MattingDataset"), tmp_path / "small", encoding, shards=None, workers=1)
    records = Records(tmp_path / "small")
    assert len(records.shards) == 1
    for i in range(COUNT):
        image, alpha = records.read(i)
        pixels = cv2.imdecode(np.frombuffer(image, np.uint8), cv2.IMREAD_COLOR_RGB)
        assert image[:2] == b"\xff\xd8" and min(pixels.shape[:2]) == 64
        (file,) = (root / "image").glob(f"p{i}.*")
        expected = cv2.resize(read_image(file), pixels.shape[1::-1], interpolation=cv2.INTER_AREA)
        assert np.sqrt(np.mean((pixels.astype(float) - expected) ** 2)) < 3
        stored = cv2.imdecode(np.frombuffer(alpha, np.uint8), cv2.IMREAD_UNCHANGED)
        truth = cv2.resize(read_alpha(root / "mask" / f"p{i}.png"), stored.shape[::-1], interpolation=cv2.INTER_AREA)
        np.testing.assert_allclose(stored / np.iinfo(stored.dtype).max, truth, atol=0.51 / 255)
    assert sequence(section(tmp_path / "small"))[0][0].shape == (3, 48, 48)


def test_limit_takes_the_first_images(whole):
    assert len(MattingSamples(section(whole, limit=3), training=True)) == 3


@pytest.mark.parametrize(("key", "value"), [("img_subpath", "other"), ("alpha_subpath", "alpha"), ("name", "PPM")])
def test_records_of_another_source_are_refused(whole, key, value):
    with pytest.raises(ConfigError, match=f"made with `{key}: .*the section says '{value}'"):
        MattingSamples(section(whole, **{key: value}), training=True)


def test_a_missing_shard_and_a_cut_one_are_found_before_training(copy):
    shard, *_ = sorted(copy.glob("*.mindrecord"))
    data = shard.read_bytes()
    shard.write_bytes(data[:-9])
    with pytest.raises(DataError, match=rf"{shard.name}' has {len(data) - 9} bytes, {len(data)} were written. Copy it"):
        Records(copy)
    shard.unlink()
    with pytest.raises(DataError, match=rf"{shard.name}' cannot be read \(No such file"):
        Records(copy)


def test_a_missing_or_foreign_index(copy):
    first, second, _ = sorted(copy.glob("*.db"))
    first.write_bytes(second.read_bytes()[:5000])
    with pytest.raises(DataError, match="cannot be read"):
        Records(copy)
    first.unlink()
    with pytest.raises(DataError, match=rf"{first.name}' cannot be read"):
        Records(copy)
    shutil.copy(sorted(copy.glob("*.db"))[-1], first)
    with pytest.raises(DataError, match="lists 3 images, its shard has 2"):
        Records(copy)


def test_damage_inside_a_shard(copy):
    shard, *_ = sorted(copy.glob("*.mindrecord"))
    data = bytearray(shard.read_bytes())
    start = data.index(b"\x89PNG") - 16
    data[start : start + 8] = b"\xff" * 8
    shard.write_bytes(data)
    records = Records(copy)
    assert records.damaged() == [shard.name]
    with pytest.raises(DataError, match=rf"sample at byte {start} of .*{shard.name}' is damaged"):
        records.read(0)
    assert records.read(2)


def test_a_damaged_image_is_named_by_shard_and_name(copy):
    shard, *_ = sorted(copy.glob("*.mindrecord"))
    data = shard.read_bytes()
    shard.write_bytes(data.replace(b"\x89PNG\r\n", b"\x89PNX\r\n"))
    with pytest.raises(DataError, match=rf"{shard.name}: p0' is not an image"):
        MattingSamples(section(copy), training=True).sample(0)


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"format": 99}, "is of format 99, this program reads 1"),
        ({"files": None}, "is not a manifest of data/make_records.py"),
        ({"files": [{"file": "a"}]}, "is not a manifest of data/make_records.py"),
        ({"source": {}}, "is not a manifest of data/make_records.py"),
    ],
)
def test_a_foreign_manifest(copy, change, text):
    path = copy / MANIFEST
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    with pytest.raises(DataError, match=text):
        Records(copy)


def test_folders_without_records(copy, tmp_path):
    with pytest.raises(DataError, match=r"no records in .*python data/make_records.py"):
        Records(tmp_path / "nowhere")
    (copy / MANIFEST).unlink()
    with pytest.raises(DataError, match="not finished"):
        Records(copy)
