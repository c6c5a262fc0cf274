"""Groups: everybody comparable is foreground, small figures far behind are not, and nobody ends in mid-air."""

import subprocess
import sys

import numpy as np
import pytest

from src.common.errors import ConfigError, DataError
from src.data.builders.cutouts import person_of
from src.data.transforms.ground import Figure, Ground, compared, stood
from src.data.transforms.group import COMPARABLE
from src.data.transforms.people import Person, cut_out, paste, read_person
from src.imaging import read_rgba, write_alpha, write_png
from tests.support.programs import ROOT
from tests.support.transform_samples import apply

PLAIN = {"probability": 1.0, "distractors": 0, "blur": 0.0, "bystanders": 0.0, "turned": 0.0, "furniture": 0.0}


def sample(cut: bool = False) -> dict:
    """White on black, rows 20 to 99 (cut: to the last, 119) and columns 60 to 79 of 120 x 160."""
    alpha = np.zeros((120, 160), np.float32)
    alpha[20 : 120 if cut else 100, 60:80] = 1
    image = np.where(alpha[..., None] > 0, np.uint8([250, 250, 250]), np.uint8([0, 0, 0]))
    return {"name": "own", "image": image, "alpha": alpha, "foreground": np.full_like(image, 250)}


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """White cut-outs, whole (a ... f) and cut below (x), and one black background."""
    root = tmp_path_factory.mktemp("group")
    for name in "abcdefx":
        pixels = np.full((84, 24, 4), 250, np.uint8)
        pixels[..., 3] = np.pad(np.full((82 if name == "x" else 80, 20), 255), ((2, 0 if name == "x" else 2), (2, 2)))
        write_png(root / "people" / f"{name}.png", pixels)
    write_png(root / "background" / "black.png", np.zeros((60, 60, 3), np.uint8))
    return {"people_dir": str(root / "people"), "background_dir": str(root / "background")}


def group(seed: int, folders: dict, cut: bool = False, **parameters) -> dict:
    return apply(sample(cut), seed, "GroupScene", **(PLAIN | {"side": 160} | folders | parameters))


def patch(alpha: float, value: int) -> Person:
    return Person(np.full((4, 4, 3), value, np.uint8), np.full((4, 4), alpha, np.float32), cut=False)


def test_overlapping_people_by_hand():
    image, alpha = np.full((4, 8, 3), 100, np.uint8), np.zeros((4, 8), np.float32)
    paste(image, alpha, patch(0.5, 200), 0, 0)
    paste(image, alpha, patch(0.8, 50), -1, 2)
    np.testing.assert_allclose(alpha[0], [0.5, 0.5, 0.9, 0.9, 0.8, 0.8, 0, 0], atol=1e-6)  # 1 - 0.5 * 0.2 = 0.9
    assert image[0, :, 0].tolist() == [150, 150, 70, 70, 60, 60, 100, 100]  # 0.8 * 50 + 0.2 * 150 = 70
    assert alpha[3].tolist() == [0.5] * 4 + [0] * 4
    paste(image, alpha, patch(1.0, 9), 0, 8)  # wholly beyond the border
    assert (image != 9).all()


def test_heights_are_comparable_and_the_largest_is_one():
    for seed in range(200):
        ratios = compared(1 + seed % 8, COMPARABLE, np.random.default_rng(seed))
        assert ratios.shape == (1 + seed % 8,) and ratios.max() == 1 and ratios.min() >= 0.45


def figures(seed: int, share: float, cut: bool) -> tuple[list[Figure], Ground]:
    rng = np.random.default_rng(seed)
    ground = Ground.drawn(share, 400, 600, rng)
    people = [Person(np.zeros((80, 20, 3), np.uint8), np.ones((80, 20), np.float32), cut) for _ in range(4)]
    return stood(people, compared(4, COMPARABLE, rng), ground, rng), ground


@pytest.mark.parametrize("share", [0.05, 0.5, 2.0])
def test_nearer_people_are_larger_lower_and_in_front(share):
    for seed in range(30):
        placed, ground = figures(seed, share, cut=False)
        heights = [figure.size[0] for figure in placed]
        # A cut-out of 80 rows is enlarged 2.5 times at most.
        assert max(heights) == min(200, round(share * 400))
        assert [figure.depth for figure in placed] == sorted(figure.depth for figure in placed)
        assert all(-figure.size[1] / 2 <= figure.left <= 600 - figure.size[1] / 2 + 1 for figure in placed)
        if share == 0.5:
            feet = [figure.top + figure.size[0] for figure in placed if figure.top > 4]
            np.testing.assert_allclose(
                feet, [ground.feet(figure.size[0] / 200) for figure in placed if figure.top > 4], atol=2
            )


def test_whoever_is_cut_below_reaches_the_lower_border():
    for seed in range(60):
        placed, _ = figures(seed, (0.05, 0.3, 0.5, 1.0, 2.0)[seed % 5], cut=True)
        assert all(figure.top + figure.size[0] >= 400 for figure in placed)


def test_a_group_in_small_holds_no_cut_people_and_a_cut_sample_is_large(folders):
    for seed in range(12):
        alone = group(seed, folders, height=0.2, aspect=1.0, most=7)["alpha"]
        assert alone[-1].max() == 0 or alone[-33].max() > 0.5  # a cut one would be at the border alone
        assert group(seed, folders, cut=True, height=0.2, aspect=1.0, most=2)["alpha"][-1].max() > 0.5


def test_more_people_than_one_and_the_image_shows_what_alpha_says(folders):
    areas = []
    for seed in range(16):
        result = group(seed, folders, height=0.4, aspect=1.5)
        assert result["image"].shape == (160, 240, 3) and result["image"].dtype == np.uint8
        assert result["alpha"].shape == (160, 240) and result["alpha"].dtype == np.float32
        assert result["alpha"].min() >= 0 and result["alpha"].max() == 1 and result["name"] == "own"
        assert "foreground" not in result
        areas.append(float(result["alpha"].sum()) / (64 * 16))
        # One in five backgrounds is painted although there is a folder.
        if result["image"][result["alpha"] == 0].max() == 0:
            assert ((result["image"].max(axis=2) > 60) != (result["alpha"] > 0.5)).mean() < 0.01
    assert max(areas) > 3 and np.mean(areas) > 1.5


def test_small_figures_far_behind_are_in_the_image_but_not_in_alpha(folders):
    shown = 0
    for seed in range(12):
        far = group(seed, folders, height=0.6, aspect=1.0, most=1, bystanders=1.0)
        unexplained = far["image"][far["alpha"] == 0].max(initial=0)
        sizes = np.flatnonzero((far["alpha"] > 0.5).any(axis=1))
        assert len(sizes) >= 90  # the largest is 96 rows high
        shown += unexplained > 30
    assert shown >= 8
    tiny = group(3, folders, height=0.3, aspect=1.0, most=1, bystanders=1.0)
    np.testing.assert_array_equal(tiny["image"], group(3, folders, height=0.3, aspect=1.0, most=1)["image"])


def test_furniture_hides_the_lower_part_in_alpha_too(folders):
    free, hidden = (group(5, folders, height=0.6, most=1, furniture=p)["alpha"].sum() for p in (0.0, 1.0))
    assert 0.2 < hidden / free < 0.75


def test_people_who_lie_are_broader_than_high():
    result = apply(sample(), 2, "GroupScene", **(PLAIN | {"side": 160, "aspect": 1.0, "height": 0.5, "turned": 1.0}))
    rows, columns = (np.flatnonzero((result["alpha"] > 0.5).any(axis=axis)) for axis in (1, 0))
    assert len(columns) > len(rows)


def test_formats_are_drawn_from_the_range(folders):
    shapes = [group(seed, folders, side=[96, 128], most=1)["image"].shape for seed in range(30)]
    assert all(96 <= min(shape[:2]) <= 128 for shape in shapes)
    aspects = [shape[1] / shape[0] for shape in shapes]
    assert 0.42 <= min(aspects) < 0.55 and 1.5 < max(aspects) <= 1.79


def test_the_stream_alone_decides_and_the_source_stays(folders):
    source = sample()
    before = source["image"].copy(), source["alpha"].copy()
    first, again, other = (
        apply(source, seed, "GroupScene", probability=1.0, side=128, **folders)["image"] for seed in (5, 5, 6)
    )
    np.testing.assert_array_equal(first, again)
    assert first.shape != other.shape or (first != other).any()
    np.testing.assert_array_equal(source["image"], before[0])
    np.testing.assert_array_equal(source["alpha"], before[1])


@pytest.mark.parametrize("border", [np.s_[50, :70], np.s_[50, 70:], np.s_[:30, 70]])
def test_a_person_cut_by_a_side_or_above_stays_where_it_is(border, folders):
    source = sample()
    source["alpha"][border] = 1
    assert apply(source, 0, "GroupScene", **(PLAIN | folders))["image"] is source["image"]


def test_nobody_stays_nobody(folders):
    source = sample()
    source["alpha"][:] = 0
    assert apply(source, 0, "GroupScene", **(PLAIN | folders))["alpha"] is source["alpha"]


@pytest.mark.parametrize(
    "wrong",
    [{"side": [640, 448]}, {"height": 0}, {"aspect": "wide"}, {"most": 0}, {"people_dir": "none"}, {"turned": 2},
     {"background_dir": "none"}, {"bystanders": -1}, {"furniture": "x"}],
)  # fmt: skip
def test_wrong_parameters(wrong):
    with pytest.raises(ConfigError, match=next(iter(wrong))):
        apply(sample(), 0, "GroupScene", **wrong)


def test_cut_outs_are_read_as_they_are_written(tmp_path, folders):
    whole, cut = (
        read_person(path) for path in sorted(__import__("pathlib").Path(folders["people_dir"]).iterdir())[-2:]
    )
    assert (whole.cut, whole.alpha.shape, cut.cut, cut.alpha.shape) == (False, (80, 20), True, (82, 20))
    assert not cut_out(sample()["foreground"], sample()["alpha"]).cut
    pixels = np.zeros((2, 3, 4), np.uint8)
    pixels[0, 1] = 10, 20, 30, 0
    write_png(tmp_path / "clear.png", pixels)
    assert read_person(tmp_path / "clear.png") is None
    np.testing.assert_array_equal(read_rgba(tmp_path / "clear.png"), pixels)
    write_png(tmp_path / "rgb.png", pixels[..., :3])
    with pytest.raises(DataError, match=r"no cut-out: uint8 of shape \(2, 3, 3\).*make_cutouts"):
        read_rgba(tmp_path / "rgb.png")


def test_a_cut_out_has_the_person_with_a_margin_where_it_is_whole():
    source = sample()
    pixels = person_of(source["image"], source["alpha"])
    assert pixels.shape == (84, 24, 4)
    assert (pixels[2:82, 2:22, 3] == 255).all() and pixels[..., 3].sum() == 255 * 80 * 20
    assert (pixels[2:82, 2:22, :3] == 250).all()
    source = sample(cut=True)
    pixels = person_of(source["image"], source["alpha"], height=62)
    assert pixels.shape == (62, 16, 4) and (pixels[-1, 2:14, 3] == 255).all()  # 100 x 20 at 0.6, margins of 2
    for border in (np.s_[50, :70], np.s_[50, 70:], np.s_[:30, 70]):
        source = sample()
        source["alpha"][border] = 1
        assert person_of(source["image"], source["alpha"]) is None
    assert person_of(source["image"], np.zeros((120, 160), np.float32)) is None


def test_the_program_goes_on_and_refuses_what_it_did_not_make(tmp_path):
    source = sample()
    write_png(tmp_path / "image" / "a.png", source["image"])
    write_alpha(tmp_path / "mask" / "a.png", source["alpha"])
    source["alpha"][50, :70] = 1
    write_png(tmp_path / "image" / "b.png", source["image"])
    write_alpha(tmp_path / "mask" / "b.png", source["alpha"])
    command = [sys.executable, ROOT / "data" / "make_cutouts.py", "--image", tmp_path / "image", "--output",
               tmp_path / "out", "--workers", "1"]  # fmt: skip
    done = subprocess.run([*command, "--alpha", tmp_path / "mask"], capture_output=True, text=True, check=True)
    assert done.stdout == f"{tmp_path / 'out'}: 1 people; 1 images show none, or one who is cut by a side\n"
    assert read_rgba(tmp_path / "out" / "a.png").shape == (84, 24, 4)
    for more, text in (((), "both --image DIR and --alpha DIR"), (("--height", "100"), "was made with")):
        alpha = ("--alpha", tmp_path / "mask") if more else ()
        refused = subprocess.run([*command, *alpha, *more], capture_output=True, text=True, check=False)
        assert refused.returncode == 2 and text in refused.stderr
