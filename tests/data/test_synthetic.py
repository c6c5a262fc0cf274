"""Generated portraits: the alpha is exact, a seed decides every bit, a folder is never overwritten."""

import json
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from src.common.errors import ConfigError, OutputError
from src.data.builders.synthetic import portrait, scene
from src.data.builders.synthetic.canvas import Canvas
from src.data.builders.synthetic.hair import HairBrush, HairLook
from src.data.builders.synthetic.light import Light
from src.data.builders.synthetic.noise import octaves, smooth_noise
from src.data.builders.synthetic.series import MANIFEST, Series, write_series
from src.data.builders.synthetic.shapes import limb, resample, spline
from src.imaging import image_size, read_alpha, read_image

ROOT = Path(__file__).resolve().parents[2]
SMALL = Series(train=2, validation=1, size=48, seed=7)


def _box(left: float, top: float, right: float, bottom: float) -> np.ndarray:
    return np.array([(left, top), (right, top), (right, bottom), (left, bottom)])


def _make(output: Path, *arguments: str) -> subprocess.CompletedProcess:
    command = [sys.executable, ROOT / "data" / "make_synthetic.py", "--output", output, *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def _contents(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def test_layers_add_up_as_porter_and_duff_say():
    canvas = Canvas(8, 8)
    patch = canvas.polygon(_box(-4, -4, 12, 12)).times(0.5)
    canvas.over(patch, np.array([1.0, 0.0, 0.0]))
    canvas.over(patch, np.array([0.0, 1.0, 0.0]))
    assert canvas.alpha[4, 4] == pytest.approx(0.75)  # 0.5 + 0.5 * (1 - 0.5)
    assert canvas.color[4, 4] == pytest.approx([0.25, 0.5, 0.0])  # red under green, premultiplied
    canvas.atop(canvas.polygon(_box(-4, -4, 12, 12)), np.array([0.0, 0.0, 1.0]))
    assert canvas.alpha[4, 4] == pytest.approx(0.75)
    assert canvas.color[4, 4] == pytest.approx([0.0, 0.0, 0.75])
    canvas.shade(canvas.polygon(_box(-4, -4, 12, 12)), 0.5)
    assert canvas.color[4, 4] == pytest.approx([0.0, 0.0, 0.375])


def test_reduction_is_the_mean_of_each_square():
    canvas = Canvas(4, 4)
    canvas.alpha[:] = np.arange(16).reshape(4, 4) / 16
    canvas.color[..., 1] = canvas.alpha / 2
    color, alpha = canvas.reduced(2)
    assert alpha == pytest.approx(np.array([[2.5, 4.5], [10.5, 12.5]]) / 16)
    assert color[..., 1] == pytest.approx(alpha / 2)


def test_alpha_serves_any_background():
    """Painted over green at double size and then reduced = reduced with alpha and then put over green."""
    rng = np.random.default_rng(3)
    clear, green = Canvas(40, 40), Canvas(40, 40)
    green.color[..., 1] = green.alpha[:] = 1
    for _ in range(12):
        outline, color, opacity = rng.uniform(-5, 45, (5, 2)), rng.random(3), rng.random()
        for canvas in (clear, green):
            canvas.over(canvas.polygon(outline).times(opacity), color)
    color, alpha = clear.reduced(2)
    composite = color + np.array([0, 1, 0]) * (1 - alpha[..., None])
    assert composite == pytest.approx(green.reduced(2)[0], abs=1e-5)
    assert ((alpha > 0.02) & (alpha < 0.98)).mean() > 0.1


def test_polygon_covers_the_area_it_has():
    canvas = Canvas(60, 60)
    whole = canvas.polygon(_box(10, 10, 40, 50))
    assert 30 * 40 <= whole.mask.sum() <= 31.6 * 41.6  # OpenCV's anti-aliased edge lies on the outline, half outside
    holed = canvas.polygon(_box(10, 10, 40, 50), _box(20, 20, 30, 30))
    assert whole.mask[25 - whole.top, 25 - whole.left] == 1
    assert holed.mask[25 - holed.top, 25 - holed.left] == 0
    assert canvas.polygon(_box(100, 100, 120, 120)).mask.size == 0


@pytest.mark.parametrize("index", [0, 1, 2, 3])
def test_image_is_foreground_plus_background_by_alpha(index):
    layers = scene(11, index, 96, 80)
    alpha = layers.alpha[..., None]
    assert alpha.min() == 0 and alpha.max() > 0.999
    assert (layers.foreground <= alpha + 1e-5).all(), "premultiplied colour cannot exceed alpha"
    composed = layers.composite()
    clear, solid = layers.alpha == 0, layers.alpha == 1
    assert np.array_equal(composed[clear], layers.backdrop[clear])
    assert np.array_equal(composed[solid], layers.foreground[solid])
    green = layers.foreground + np.array([0.0, 1.0, 0.0], np.float32) * (1 - alpha)
    recovered = 1 - (green - composed)[..., 1] / np.maximum(1 - layers.backdrop[..., 1], 1e-6)
    known = layers.backdrop[..., 1] < 0.9
    assert recovered[known] == pytest.approx(layers.alpha[known], abs=1e-4)


def test_camera_keeps_the_image_where_alpha_says():
    image, alpha = portrait(11, 2, 96, 80)
    composed = scene(11, 2, 96, 80).composite()
    assert image.dtype == np.uint8 and image.shape == (96, 80, 3)
    assert alpha.dtype == np.float32 and alpha.shape == (96, 80)
    correlation = np.corrcoef(image.mean(2).ravel(), composed.mean(2).ravel())[0, 1]
    assert correlation > 0.95, "tone and noise may change values, not where things are"


@pytest.mark.slow
def test_alphas_are_those_of_persons_with_hair():
    shares = []
    for index in range(16):
        alpha = portrait(5, index, 128, 112)[1]
        shares.append([(alpha > 0.98).mean(), (alpha < 0.02).mean(), ((alpha > 0.02) & (alpha < 0.98)).mean()])
        assert alpha.min() == 0 and alpha.max() > 0.999
    solid, clear, soft = np.array(shares).T
    assert 0.2 < solid.mean() < 0.6 and solid.min() > 0.04
    assert clear.min() > 0.2
    assert 0.015 < soft.mean() < 0.12
    assert soft.max() < 0.3


def test_strands_leave_the_outline_in_fractions():
    canvas, unit = Canvas(200, 200), 150.0
    light = Light(np.array([0.0, 0.0, 1.0]), np.ones(3, np.float32), np.zeros(3, np.float32), 0.0)
    look = HairLook(np.full(3, 0.5, np.float32), 0.01, 0.5, 0.03, 400, 0.2, 0.0)
    brush = HairBrush(canvas, lambda p: p * unit + 100, unit, look, light, np.random.default_rng(0))
    inner, outer = np.array([(-0.2, -0.5), (-0.2, 0.5)]), np.array([(0.2, -0.5), (0.2, 0.5)])
    brush.ribbon(inner, outer)
    middle, beside = canvas.alpha[40:100, 80:120], canvas.alpha[40:160, 132:145]
    assert middle.min() > 0.9
    assert beside.max() > 0.3, "some strand stands off the ribbon"
    fractional = (beside > 0.02) & (beside < 0.98)
    assert fractional.sum() > 0.6 * (beside > 0.02).sum()
    assert beside.mean() < 0.3


def test_seed_and_index_decide_every_bit():
    image, alpha = portrait(3, 4, 64, 48)
    again, alpha_again = portrait(3, 4, 64, 48)
    assert np.array_equal(image, again) and np.array_equal(alpha, alpha_again)
    for seed, index in ((4, 4), (3, 5)):
        other, other_alpha = portrait(seed, index, 64, 48)
        assert np.abs(alpha - other_alpha).mean() > 0.02
        assert np.abs(image.astype(float) - other).mean() > 5


@pytest.mark.slow
def test_worker_count_does_not_change_a_file(tmp_path):
    write_series(SMALL, tmp_path / "one", workers=1)
    write_series(SMALL, tmp_path / "two", workers=2)
    one = _contents(tmp_path / "one")
    assert one == _contents(tmp_path / "two")
    assert len(one) == 7


def test_command_writes_the_folder_structure(tmp_path):
    output = tmp_path / "set"
    done = _make(output, "--train", "3", "--validation", "2", "--size", "64", "--seed", "1", "--workers", "1")
    assert done.returncode == 0, done.stderr
    assert "3 training and 2 validation pairs, 5 portraits written" in done.stdout
    pairs = [
        (output / "train", ["t00000", "t00001", "t00002"]),
        (output / "validation/P3M-500-P", ["v00000", "v00001"]),
    ]
    for part, stems in pairs:
        assert sorted(p.name for p in (part / "blurred_image").iterdir()) == [f"{s}.jpg" for s in stems]
        assert sorted(p.name for p in (part / "mask").iterdir()) == [f"{s}.png" for s in stems]
        for stem in stems:
            image, alpha = part / "blurred_image" / f"{stem}.jpg", part / "mask" / f"{stem}.png"
            assert image_size(image) == image_size(alpha)
            assert cv2.imread(str(alpha), cv2.IMREAD_UNCHANGED).ndim == 2
    sizes = [image_size(p) for p in (output / "train/blurred_image").iterdir()]
    assert all(min(size) == 64 and max(size) <= 96 for size in sizes)
    assert json.loads((output / MANIFEST).read_text()) == {
        "version": 1, "train": 3, "validation": 2, "size": 64, "seed": 1,
    }  # fmt: skip


def test_files_hold_the_portrait(tmp_path):
    write_series(SMALL, tmp_path, workers=1)
    stored = read_image(tmp_path / "train/blurred_image/t00001.jpg")
    image, alpha = portrait(7, 1, *stored.shape[:2])
    assert np.abs(read_alpha(tmp_path / "train/mask/t00001.png") - alpha).max() <= 0.5 / 255 + 1e-6
    assert np.abs(stored.astype(float) - image).mean() < 6


def test_second_run_does_nothing_and_other_arguments_are_refused(tmp_path):
    assert write_series(SMALL, tmp_path, workers=1) == 3
    before = {p: p.stat().st_mtime_ns for p in tmp_path.rglob("*")}
    assert write_series(SMALL, tmp_path, workers=1) == 0
    with pytest.raises(OutputError, match=r'"seed": 8.*nothing in it was changed'):
        write_series(Series(2, 1, 48, 8), tmp_path, workers=1)
    assert {p: p.stat().st_mtime_ns for p in tmp_path.rglob("*")} == before


def test_interrupted_run_is_completed(tmp_path):
    write_series(SMALL, tmp_path / "whole", workers=1)
    broken = tmp_path / "broken"
    write_series(SMALL, broken, workers=1)
    (broken / MANIFEST).rename(broken / f".{MANIFEST}.begun")  # the state that a kill leaves: claimed, not finished
    (broken / "train/mask/t00001.png").unlink()
    assert write_series(SMALL, broken, workers=1) == 1
    assert _contents(broken) == _contents(tmp_path / "whole")


def test_foreign_folder_and_bad_numbers_are_refused(tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    done = _make(tmp_path, "--train", "1")
    assert done.returncode == 2
    assert "is not an empty folder" in done.stderr and "Traceback" not in done.stderr
    assert [p.name for p in tmp_path.iterdir()] == ["notes.txt"]
    for bad in ((0, 0, 64, 1), (-1, 2, 64, 1), (1, 1, 8, 1), (1, 1, 64, -1)):
        with pytest.raises(ConfigError, match="give"):
            Series(*bad)


def test_more_training_images_leave_the_validation_images_alone(tmp_path):
    write_series(SMALL, tmp_path / "few", workers=1)
    write_series(Series(train=3, validation=1, size=48, seed=7), tmp_path / "more", workers=1)
    name = "validation/P3M-500-P/mask/v00000.png"
    assert (tmp_path / "few" / name).read_bytes() == (tmp_path / "more" / name).read_bytes()


def test_curves_and_noise():
    corners = np.array([(0.0, 0.0), (1.0, 0.0), (2.0, 0.0)])
    assert spline(corners, 4)[[0, 4, 8]] == pytest.approx(corners)
    assert resample(np.array([(0.0, 0.0), (3.0, 4.0)]), 6)[1] == pytest.approx([0.6, 0.8])
    tube = limb(np.array([(0.0, 0.0), (0.0, 10.0)]), [2.0, 2.0])
    assert np.ptp(tube[:, 0]) == pytest.approx(4) and np.ptp(tube[:, 1]) == pytest.approx(14, abs=0.2)
    field = smooth_noise(np.random.default_rng(0), 100, 90, 20.0)
    assert field.shape == (100, 90) and 0.3 < field.std() < 0.8
    assert np.abs(np.diff(field, axis=1)).max() < 0.25, "blobs of 20 pixels change slowly"
    assert octaves(np.random.default_rng(0), 50, 60, 16, 3).shape == (50, 60)
