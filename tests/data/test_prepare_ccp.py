"""Clothing Co-Parsing to pairs: a generated portrait with a blocky mask stands in for the photographs."""

import csv
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
import scipy.io

from src.common.errors import ConfigError, DataError, OutputError
from src.common.processes import check_workers, run_jobs
from src.data.builders.ccp import builder, mattes
from src.data.builders.synthetic import scene
from src.imaging import read_alpha

ROOT = Path(__file__).resolve().parents[2]
HEIGHT, WIDTH = 360, 250


def _portrait() -> tuple[np.ndarray, np.ndarray]:
    """A person before plain grey: image uint8 RGB and its exact alpha."""
    layers = scene(2022, 5, HEIGHT, WIDTH)
    image = layers.foreground + 0.75 * (1 - layers.alpha[..., None])
    return np.round(255 * np.clip(image, 0, 1)).astype(np.uint8), layers.alpha


def _blocky(alpha: np.ndarray) -> np.ndarray:
    """A label map as superpixels give it: 5-pixel steps, holes, a stray block, several labels."""
    small = cv2.resize(alpha, (WIDTH // 5, HEIGHT // 5), interpolation=cv2.INTER_AREA)
    labels = np.kron(small > 0.5, np.ones((5, 5))).astype(np.uint8)
    labels[HEIGHT // 2 :] *= 7
    labels[-40:-37, WIDTH // 2 : WIDTH // 2 + 3] = 0
    labels[5:10, 5:10] = 3
    return labels


def _add(source: Path, stem: str, labels: np.ndarray | bytes | None, image: np.ndarray) -> None:
    (source / "photos").mkdir(parents=True, exist_ok=True)
    (source / "annotations/pixel-level").mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(source / f"photos/{stem}.jpg"), image[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 97])
    annotation = source / f"annotations/pixel-level/{stem}.mat"
    if isinstance(labels, bytes):
        annotation.write_bytes(labels)
    elif labels is not None:
        scipy.io.savemat(annotation, {"groundtruth": labels})


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """Two annotated photographs and one that is not."""
    image, alpha = _portrait()
    folder = tmp_path / "ccp"
    for stem, labels in (("0001", _blocky(alpha)), ("0002", _blocky(alpha)), ("1005", None)):
        _add(folder, stem, labels, image)
    return folder


def _prepare(source: Path, output: Path, **options: object) -> builder.Summary:
    return builder.prepare(source, output, **{"workers": 1, "limit": None, "validation_share": 0.0, **options})


def _command(*arguments: object) -> subprocess.CompletedProcess:
    command = [sys.executable, ROOT / "data/prepare_ccp.py", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_mask_is_closed_and_freed_of_strays():
    labels = np.zeros((100, 100), np.uint8)
    labels[10:90, 30:70] = 5
    labels[50:52, 50:52] = 0  # a fault: 4 of 3,200 pixels
    labels[60:80, 45:55] = 0  # a real gap
    labels[5:8, 5:8] = 2  # a stray superpixel
    mask = mattes.clean_mask(labels)
    assert mask[51, 51] and not mask[70, 50] and not mask[6, 6]
    assert mask.sum() == pytest.approx(80 * 40 - 20 * 10, abs=12)
    with pytest.raises(DataError, match="no person"):
        mattes.clean_mask(np.zeros((50, 50), np.uint8))


def test_trimap_bands_have_the_stated_width():
    labels = np.zeros((400, 200), np.uint8)
    labels[50:350, 60:140] = 1  # head rows: 50 to 97
    trimap = mattes.make_trimap(labels > 0, labels)
    assert set(np.unique(trimap)) == {0.0, 0.5, 1.0}
    body, head = trimap[250], trimap[75]
    assert np.flatnonzero(body == 0.5).tolist() == [*range(51, 65), *range(135, 149)]  # 9 outside, 5 inside
    assert np.flatnonzero(head[:100] == 0.5).tolist() == list(range(42, 69))  # 18 outside, 9 inside
    labels[200:300, 60:140] = mattes.HAIR_LABEL
    assert np.flatnonzero(mattes.make_trimap(labels > 0, labels)[250, :100] == 0.5).tolist() == list(range(42, 69))


def test_thin_limbs_and_gaps_keep_a_known_middle():
    labels = np.zeros((400, 200), np.uint8)
    labels[50:350, 40:160] = 1
    labels[200:350, 96:104] = 0  # a gap of 8 pixels between two legs
    labels[250:350, 40:50] = labels[250:350, 60:96] = 0  # and a limb of 10 pixels
    trimap = mattes.make_trimap(labels > 0, labels)
    assert (trimap[300, 53:57] == 1).all()
    assert (trimap[230, 99:101] == 0).all()


@pytest.mark.slow
def test_matte_is_close_to_the_true_alpha():
    image, alpha = _portrait()
    labels = _blocky(alpha)
    matte = mattes.matte_photograph(image, labels)
    assert matte.dtype == np.float32 and matte.min() == 0 and matte.max() == 1
    error, before = np.abs(matte - alpha).mean(), np.abs((labels > 0) - alpha).mean()
    assert error < 0.003
    assert error < 0.2 * before, f"the matte ({error:.4f}) must beat the blocky mask ({before:.4f})"
    with pytest.raises(DataError, match="annotation"):
        mattes.matte_photograph(image, labels[:-2])


def test_matte_that_left_its_mask_is_refused():
    mask = np.zeros((100, 100), bool)
    mask[20:80, 20:80] = True
    mattes.check_matte(mask.astype(np.float32), mask)
    with pytest.raises(DataError, match=r"IoU 0\.833"):
        mattes.check_matte(np.where(np.arange(100)[:, None] < 70, mask, 0).astype(np.float32), mask)
    with pytest.raises(DataError, match="covers 100%"):
        mattes.check_matte(np.ones((9, 9), np.float32), np.ones((9, 9), bool))


@pytest.mark.slow
def test_pairs_licence_and_unlabelled_photographs_are_written(source, tmp_path):
    output = tmp_path / "out"
    summary = _prepare(source, output)
    assert summary == builder.Summary(train=2, validation=0, unlabelled=1, skipped=0, damaged=0)
    for stem in ("0001", "0002"):
        copied = output / f"train/blurred_image/{stem}.jpg"
        assert copied.read_bytes() == (source / f"photos/{stem}.jpg").read_bytes()
        assert np.abs(read_alpha(output / f"train/mask/{stem}.png") - _portrait()[1]).mean() < 0.01
    assert [p.name for p in (output / "unlabelled").iterdir()] == ["1005.jpg"]
    assert "Apache License 2.0" in (output / builder.LICENCE).read_text()
    assert (output / builder.MANIFEST).is_file()


def test_second_run_makes_only_what_is_missing(source, tmp_path, monkeypatch):
    output = tmp_path / "out"
    _prepare(source, output)
    lost = output / "train/mask/0002.png"
    content = lost.read_bytes()
    lost.unlink()
    made = []
    monkeypatch.setattr(builder, "matte_photograph", lambda *a: made.append(1) or mattes.matte_photograph(*a))
    _prepare(source, output)
    assert len(made) == 1 and lost.read_bytes() == content


def test_interrupt_leaves_a_folder_to_go_on_with(source, tmp_path, monkeypatch):
    output, count = tmp_path / "out", []

    def stop_at_second(*arguments):
        count.append(1)
        if len(count) == 2:
            raise KeyboardInterrupt
        return mattes.matte_photograph(*arguments)

    monkeypatch.setattr(builder, "matte_photograph", stop_at_second)
    with pytest.raises(KeyboardInterrupt):
        _prepare(source, output)
    assert [p.name for p in output.rglob("*.png")] == ["0001.png"]
    assert not (output / builder.MANIFEST).exists()
    assert _prepare(source, output).train == 2
    assert len(count) == 3


@pytest.mark.slow
def test_bad_files_are_listed_and_the_rest_is_made(source, tmp_path):
    image, alpha = _portrait()
    _add(source, "0003", b"no MATLAB file", image)
    _add(source, "0004", np.zeros((HEIGHT, WIDTH), np.uint8), image)
    _add(source, "0005", _blocky(alpha), image)
    photograph = source / "photos/0005.jpg"
    photograph.write_bytes(photograph.read_bytes()[:2000])
    scipy.io.savemat(source / "annotations/pixel-level/0002.mat", {"labels": _blocky(alpha)})
    done = _command("--source", source, "--output", tmp_path / "out", "--workers", 2, "--validation_share", 0)
    assert done.returncode == 1, "some files were damaged"
    assert "1 training and 0 validation pairs" in done.stdout and "4 photographs are not used" in done.stdout
    with (tmp_path / "out" / builder.SKIPPED).open() as file:
        reasons = {row["photograph"]: row["reason"] for row in csv.DictReader(file)}
    assert list(reasons) == ["0002", "0003", "0004", "0005"]
    assert "no variable 'groundtruth'" in reasons["0002"] and builder.HOME in reasons["0002"]
    assert "no readable MATLAB file" in reasons["0003"] and builder.HOME in reasons["0003"]
    assert "no person" in reasons["0004"]
    assert "truncated" in reasons["0005"]


@pytest.mark.parametrize("missing", ["", "photos", "annotations/pixel-level"])
def test_missing_folder_names_the_download(source, tmp_path, missing):
    (source / missing).rename(tmp_path / "elsewhere")
    done = _command("--source", source, "--output", tmp_path / "out")
    assert done.returncode == 2
    assert str(source / missing) in done.stderr and f"git clone {builder.HOME}" in done.stderr
    assert "Traceback" not in done.stderr and not (tmp_path / "out").exists()


def test_source_without_one_usable_photograph(source, tmp_path):
    for stem in ("0001", "0002"):
        (source / f"annotations/pixel-level/{stem}.mat").write_bytes(b"")
    with pytest.raises(DataError, match="None of the 2 photographs"):
        _prepare(source, tmp_path / "out")
    for stem in ("0001", "0002"):
        (source / f"annotations/pixel-level/{stem}.mat").unlink()
    with pytest.raises(DataError, match="not one annotation"):
        _prepare(source, tmp_path / "out")


def test_other_share_and_bad_numbers_are_refused(source, tmp_path):
    _prepare(source, tmp_path / "out", limit=1)
    with pytest.raises(OutputError, match=r"0\.5"):
        _prepare(source, tmp_path / "out", validation_share=0.5)
    for bad in ({"validation_share": 1.0}, {"limit": 0}):
        with pytest.raises(ConfigError, match="give"):
            _prepare(source, tmp_path / "new", **bad)
    with pytest.raises(ConfigError, match="--workers is 0"):
        check_workers(0)


def test_held_out_part_depends_on_the_name_alone():
    stems = [f"{n:04d}" for n in range(1, 1005)]
    held = {s for s in stems if builder.is_validation(s, 0.1)}
    assert 80 <= len(held) <= 125
    assert held <= {s for s in stems if builder.is_validation(s, 0.2)}
    assert not any(builder.is_validation(s, 0.0) for s in stems)


def _root(number: int) -> float:
    return number**0.5


def test_jobs_give_every_result_once():
    items = list(range(9))
    for workers in (1, 2):
        assert dict(run_jobs(_root, items, workers, "roots")) == {n: n**0.5 for n in items}
    assert list(run_jobs(_root, [], 2, "roots")) == []
