"""Backgrounds out of photographs: the person's columns are filled from both sides, everything else stays."""

import subprocess
import sys

import numpy as np
import pytest

from src.data.builders.backgrounds import without_person
from src.imaging import read_image, write_alpha, write_png
from tests.support.programs import ROOT, write_yaml


def row(values: list[int], height: int = 3) -> np.ndarray:
    """[height, len(values), 3] with the same row everywhere."""
    return np.tile(np.array(values, np.uint8)[None, :, None], (height, 1, 3))


def test_both_sides_are_mirrored_and_blended():
    """Of 10 columns the person has 4..7: from the left come 3 2 1 0, from the right 8 9 9 8, folded."""
    image = row([10, 20, 30, 40, 0, 0, 0, 0, 90, 50])
    alpha = np.zeros((3, 10), np.float32)
    alpha[1, 4:8] = 0.5
    share = (np.arange(4) + 0.5) / 4
    left, right = np.array([40, 30, 20, 10]), np.array([90, 50, 50, 90])
    expected = np.rint((1 - share) * left + share * right)
    found = without_person(image, alpha)
    np.testing.assert_array_equal(found[0, :, 0], [10, 20, 30, 40, *expected, 90, 50])
    np.testing.assert_array_equal(found, np.broadcast_to(found[:1, :, :1], found.shape))


def test_too_little_background_and_no_person():
    image = row(list(range(20)))
    alpha = np.zeros((3, 20), np.float32)
    np.testing.assert_array_equal(without_person(image, alpha), image)
    alpha[:, 2:15] = 1  # two columns of twenty are left on one side: a tenth
    assert without_person(image, alpha) is None
    alpha[:, 2] = 0
    assert without_person(image, alpha) is not None


@pytest.mark.slow
def test_the_program_writes_each_once(tmp_path):
    rng = np.random.default_rng(0)
    for name, (left, right) in {"a": (20, 40), "b": (1, 63)}.items():
        alpha = np.zeros((48, 64), np.float32)
        alpha[10:, left:right] = 1
        write_png(tmp_path / "set" / "image" / f"{name}.png", rng.integers(0, 256, (48, 64, 3), dtype=np.uint8))
        write_alpha(tmp_path / "set" / "mask" / f"{name}.png", alpha)
    section = {"name": "folder", "dataset_root": str(tmp_path / "set"), "transforms": [{"type": "LoadImages"}]}
    config = write_yaml(tmp_path / "c.yml", {"train_dataset": section})
    command = [sys.executable, ROOT / "data" / "make_backgrounds.py", config, "--output", tmp_path / "out"]
    for _ in range(2):
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        assert done.stdout == f"{tmp_path / 'out'}: 1 backgrounds; 1 images show too little of theirs\n"
    assert read_image(tmp_path / "out" / "a.jpg").shape == (48, 64, 3)
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "x").write_text("")
    refused = subprocess.run([*command[:-1], tmp_path / "other"], capture_output=True, text=True, check=False)
    assert refused.returncode == 2 and "not made by this program" in refused.stderr
