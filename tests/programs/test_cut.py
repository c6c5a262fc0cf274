"""`modnet cut`: results beside their inputs, named for what they are, and one line about it."""

import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest

from src.common.errors import ConfigError
from src.imaging import read_image
from src.inference.matting import Matting
from src.programs import cut
from src.programs.cut import beside
from tests.support.programs import ROOT, Outcome, run_main

MODEL = ("--model", "modnet-p-int8", "--threads", "1", "--no-flip")


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch) -> Path:
    """A folder with a photograph, where the user stands."""
    image = read_image(ROOT / "docs" / "astronaut.jpg")[::2, ::2]
    cv2.imwrite(str(tmp_path / "a.png"), image[..., ::-1])
    monkeypatch.chdir(tmp_path)
    return tmp_path


def modnet_cut(*arguments: object) -> Outcome:
    return run_main(cut.main, *arguments, *MODEL)


def test_a_photograph_gets_its_cutout_beside_it():
    done = modnet_cut("a.png")
    assert (done.status, done.out) == (0, "a.png -> a_cutout.png\n")
    made = cv2.cvtColor(cv2.imread("a_cutout.png", cv2.IMREAD_UNCHANGED), cv2.COLOR_BGRA2RGBA)
    alpha = np.asarray(Matting("modnet-p-int8", threads=1).cutout("a.png"))[..., 3]
    np.testing.assert_array_equal(made[..., 3], alpha)
    assert "a_cutout.png" in modnet_cut("a.png").assert_refused()  # nothing is written over


def test_a_background_gives_a_composite_alone(here):
    done = modnet_cut("a.png", "-b", "white")
    assert (done.status, done.out) == (0, "a.png -> a_composite.png\n")
    assert sorted(path.name for path in here.iterdir()) == ["a.png", "a_composite.png"]


def test_a_folder_gets_a_folder_beside_it(here):
    (here / "photos").mkdir()
    for name in ("b.png", "c.png"):
        shutil.copy("a.png", here / "photos" / name)
    assert modnet_cut("photos/").status == 0
    assert sorted(path.name for path in (here / "photos_cutouts").iterdir()) == ["b_cutout.png", "c_cutout.png"]
    assert modnet_cut("photos", "a.png", "-o", "out", "-b", "white").status == 0
    assert sorted(path.name for path in (here / "out").iterdir()) == [f"{n}_composite.png" for n in "abc"]


def test_one_file_with_a_name(here):
    assert modnet_cut("a.png", "-o", "x.webp").status == 0
    assert (here / "x.webp").read_bytes()[8:12] == b"WEBP"


def test_places_beside_inputs(here):
    (here / "d").mkdir()
    found = beside(("a.png", "d/x.jpg", "d/*.jpg", "d", "b.png"), "cutouts")
    assert found == {Path(): ["a.png", "b.png"], Path("d"): ["d/x.jpg", "d/*.jpg"], Path("d_cutouts"): ["d"]}
    for nowhere in ("-", "0", "*/a.jpg", "rtsp://camera"):
        with pytest.raises(ConfigError, match="Say where they go with -o"):
            beside((nowhere,), "cutouts")


def test_what_is_not_there():
    assert "nothing.jpg" in modnet_cut("nothing.jpg").assert_refused()
    assert "No input is given" in modnet_cut().assert_refused()
