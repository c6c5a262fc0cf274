"""Writing records: going on where a run was stopped, refusing what cannot be, and the command line."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from src.common.errors import ConfigError, DataError, OutputError
from src.config.dataset import DatasetSpec
from src.data.record_writer import Encoding, write_records
from src.data.records import MANIFEST, Records
from src.imaging import write_alpha
from src.programs import check_dataset, make_records
from tests.support.programs import run_main, write_yaml

WHOLE = Encoding(short_side=None, quality=95, allow_rgb=False)
SOURCE = {"img_subpath": "train/blurred_image", "alpha_subpath": "train/mask", "batch_size": 2}
TRAIN = [{"type": "LoadImages"}, {"type": "RandomScaleCrop", "crop_size": [32, 32]}, {"type": "GenTrimap"},
         {"type": "Normalize"}, {"type": "Transpose"}]  # fmt: skip


def files(root: Path, **keys) -> DatasetSpec:
    return DatasetSpec(str(root), transforms=tuple(TRAIN), **SOURCE, **keys)


def test_a_second_run_writes_only_what_is_not_there(synthetic_set, tmp_path):
    spec, output = files(synthetic_set), tmp_path / "records"
    assert write_records(spec, output, WHOLE, shards=3, workers=1) == 3
    manifest = (output / MANIFEST).read_text()
    assert write_records(spec, output, WHOLE, shards=3, workers=1) == 0
    shard = sorted(output.glob("*.mindrecord"))[1]
    content = shard.read_bytes()
    shard.unlink()
    (output / MANIFEST).rename(output / f".{MANIFEST}.begun")  # as a run that was killed leaves it
    (output / f".{shard.stem}").mkdir()
    (output / f".{shard.stem}" / shard.name).write_bytes(content[:1000])
    assert write_records(spec, output, WHOLE, shards=3, workers=1) == 1
    assert shard.read_bytes() == content and (output / MANIFEST).read_text() == manifest
    assert not Records(output).damaged() and not [path for path in output.iterdir() if path.name.startswith(".")]


def test_a_damaged_shard_that_is_removed_is_made_again(synthetic_set, tmp_path):
    spec, output = files(synthetic_set), tmp_path / "records"
    write_records(spec, output, WHOLE, shards=2, workers=1)
    shard = sorted(output.glob("*.mindrecord"))[0]
    shard.write_bytes(shard.read_bytes()[:-1])
    with pytest.raises(DataError, match="remove it and run the command that made the records again"):
        Records(output)
    shard.unlink()
    assert write_records(spec, output, WHOLE, shards=2, workers=1) == 1
    assert len(Records(output)) == 6 and not Records(output).damaged()


def test_other_arguments_or_images_need_another_folder(synthetic_set, tmp_path):
    spec, output = files(synthetic_set), tmp_path / "records"
    write_records(spec, output, WHOLE, shards=1, workers=1)
    before = (output / MANIFEST).read_text()
    for encoding, shards in ((WHOLE, 2), (Encoding(64, 95, False), 1), (Encoding(None, 95, True), 1)):
        with pytest.raises(OutputError, match="Give another --output"):
            write_records(spec, output, encoding, shards, workers=1)
    with pytest.raises(OutputError, match="Give another --output"):
        write_records(files(synthetic_set, limit=5), output, WHOLE, 1, workers=1)
    assert (output / MANIFEST).read_text() == before
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "letter.txt").write_text("dear")
    with pytest.raises(OutputError, match="not an empty folder"):
        write_records(spec, tmp_path / "mine", WHOLE, 1, workers=1)


def test_the_manifest_tells_arguments_and_shards(synthetic_set, tmp_path):
    write_records(files(synthetic_set), tmp_path / "r", Encoding(48, 90, False), shards=2, workers=1)
    manifest = json.loads((tmp_path / "r" / MANIFEST).read_text())
    assert manifest["source"] == {
        "name": "P3M-10k", "img_subpath": "train/blurred_image", "alpha_subpath": "train/mask", "fg_names": None,
    }  # fmt: skip
    assert (manifest["short_side"], manifest["quality"], manifest["allow_rgb"]) == (48, 90, False)
    assert manifest["shards"] == 2 and len(manifest["content"]) == 64
    assert [entry["pictures"] for entry in manifest["files"]] == [3, 3]
    for entry in manifest["files"]:
        assert entry["bytes"] == (tmp_path / "r" / entry["file"]).stat().st_size and len(entry["sha256"]) == 64


def test_a_bad_image_leaves_no_shard(synthetic_set, tmp_path):
    bad, output = tmp_path / "bad", tmp_path / "out"
    shutil.copytree(synthetic_set, bad)
    alpha = sorted((bad / "train" / "mask").iterdir())[-1]
    write_alpha(alpha, np.zeros((20, 21), np.float32))
    with pytest.raises(DataError, match=rf"but its alpha '.*{alpha.name}' is 21x20"):
        write_records(files(bad), output, WHOLE, 2, workers=1)
    assert [path.name for path in sorted(output.glob("*.mindrecord"))] == ["records-0000-of-0002.mindrecord"]
    assert {path.name for path in output.glob(".*")} == {f".{MANIFEST}.begun"}


def test_what_cannot_be_stored(synthetic_set, tmp_path):
    for shards in (0, 7):
        with pytest.raises(ConfigError, match=f"--shards is {shards}; give 1 to 6"):
            write_records(files(synthetic_set), tmp_path, WHOLE, shards, workers=1)
    composed = DatasetSpec("x", name="AMD", img_subpath=None, fg_names="f.txt", bg_names="b.txt")
    with pytest.raises(ConfigError, match="give its merged images as `img_subpath`"):
        write_records(composed, tmp_path, WHOLE, 1, workers=1)
    for keys, text in (({"short_side": 31}, "--short_side is 31"), ({"quality": 101}, "--quality is 101")):
        with pytest.raises(ConfigError, match=text):
            Encoding(**{"short_side": None, "quality": 95, "allow_rgb": False, **keys})
    assert not list(tmp_path.iterdir())


def test_the_command_line(synthetic_set, tmp_path):
    keys, output = {**SOURCE, "transforms": TRAIN}, tmp_path / "records"
    config = write_yaml(tmp_path / "a.yml", {"train_dataset": {"dataset_root": str(synthetic_set), **keys}})
    done = run_main(make_records.main, config, "--output", output, "--short_side", 64, "--workers", 1)
    assert done.status == 0 and done.out == f"{output}: files of records written: 1\n"
    again = run_main(make_records.main, config, "--output", output, "--short_side", 64)
    assert again.status == 0 and again.out == f"{output}: nothing to do\n"
    refused = run_main(make_records.main, config, "--output", output, "--short_side", 9).assert_refused()
    assert "--short_side is 9" in refused
    stored = {"type": "MattingRecords", "dataset_root": str(output), **keys}
    records = write_yaml(tmp_path / "b.yml", {"train_dataset": stored})
    refused = run_main(make_records.main, records, "--output", tmp_path / "again").assert_refused()
    assert "Give the folder of the images with `type: MattingDataset`" in refused
    validated = run_main(check_dataset.main, write_yaml(tmp_path / "c.yml", {"val_dataset": stored}))
    assert validated.status == 2 and "which only a training set can be" in validated.out
    report = run_main(check_dataset.main, records)
    assert report.status == 0 and f"records in '{output}', 6 images" in report.out
    shard = next(output.glob("*.mindrecord"))
    content = bytearray(shard.read_bytes())
    content[1 << 20] ^= 1
    shard.write_bytes(content)
    report = run_main(check_dataset.main, records)
    assert report.status == 2 and f"not as they were written: {shard.name}" in report.out
