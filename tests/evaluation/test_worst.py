"""The page of the worst images."""

import json

import cv2
import numpy as np
import pytest

from src.common.errors import DataError, OutputError
from src.data.pairs import Pair
from src.evaluation.worst import worst_page
from src.imaging import error_sheet, matte_sheet, write_alpha, write_image, write_png
from src.programs import worst as program
from tests.support.programs import run_main, write_yaml

CELL, STEP, TITLE, LABEL = 40, 44, 28, 28


@pytest.fixture
def evaluation(tmp_path):
    """Five images of 40x40: grey 10 * i, no person; mattes of i / 10 throughout, so an MSE of i^2 / 100."""
    for folder in ("image", "alpha", "eval"):
        (tmp_path / folder).mkdir()
    images, pairs = [], []
    for i in (3, 1, 5, 2, 4):
        pair = Pair(f"p{i}", tmp_path / "image" / f"p{i}.png", tmp_path / "alpha" / f"p{i}.png")
        write_png(pair.image, np.full((CELL, CELL, 3), 10 * i, np.uint8))
        write_alpha(pair.alpha, np.zeros((CELL, CELL), np.float32))
        write_alpha(tmp_path / "eval" / f"p{i}.png", np.full((CELL, CELL), i / 10, np.float32))
        images.append({"name": pair.name, "whole": {"mse": (i / 10) ** 2}})
        pairs.append(pair)
    values = {"model": "m", "dataset": "d", "pictures": 5, "whole": {}, "band": {}, "per_picture": images}
    (tmp_path / "eval" / "eval.json").write_text(json.dumps(values | {"seconds": 1, "network_seconds": 1}))
    return tmp_path, pairs


def cell(page: np.ndarray, row: int, column: int, left: int = 0) -> np.ndarray:
    top = TITLE + row * (LABEL + STEP) + LABEL
    return page[top : top + CELL, left + column * STEP : left + column * STEP + CELL]


def test_the_worst_come_first(evaluation):
    folder, pairs = evaluation
    page = worst_page(folder / "eval", pairs, 3, cell=CELL)
    second = 4 * STEP - 4 + 24  # the right column begins after the left one and a gap
    assert page.shape == (TITLE + 2 * (LABEL + STEP), second + 4 * STEP - 4, 3)
    for row, left, i in ((0, 0, 5), (1, 0, 4), (0, second, 3)):
        values = [set(np.unique(cell(page, row, column, left))) for column in range(4)]
        grey = round(25.5 * i + 1e-6)
        assert values[:2] == [{10 * i}, {0}] and all(abs(v.pop() - grey) <= 1 for v in values[2:]), (row, i)
    assert (page[TITLE + LABEL + STEP :, second:] == 255).all()  # nothing under the third


def test_one_image_has_one_column(evaluation):
    folder, pairs = evaluation
    assert worst_page(folder / "eval", pairs, 1, cell=CELL).shape == (TITLE + LABEL + STEP, 4 * STEP - 4, 3)


def test_foreign_evaluations(evaluation, tmp_path):
    folder, pairs = evaluation
    with pytest.raises(DataError, match=r"scored 'p5', which the configuration's validation set does not have"):
        worst_page(folder / "eval", [p for p in pairs if p.name != "p5"], 3)
    with pytest.raises(DataError, match="holds no evaluation"):
        worst_page(folder / "image", pairs, 3)


def test_the_program(evaluation):
    folder, _ = evaluation
    section = {"name": "folder", "dataset_root": str(folder), "img_subpath": "image", "alpha_subpath": "alpha"}
    config = write_yaml(folder / "c.yml", {"val_dataset": section | {"transforms": [{"type": "LoadImages"}]}})
    done = run_main(program.main, "--config", config, "--results", folder / "eval", "--output", folder / "w.jpg",
                    "--number", 2)  # fmt: skip
    assert done.status == 0, done.err
    assert cv2.imread(str(folder / "w.jpg")).shape == (TITLE + 28 + 224, 2 * (4 * 224 - 4) + 24, 3)


def test_sheets_show_what_they_say():
    image, alpha = np.full((CELL, CELL, 3), 200, np.uint8), np.zeros((CELL, CELL), np.float32)
    page = matte_sheet([(image, alpha, alpha)])
    assert (page[TITLE : TITLE + 256, 3 * 260 : 3 * 260 + 256] == (120, 205, 90)).all()  # nobody: green alone
    page = error_sheet([(image, alpha + 1, alpha + 0.25)], ["a"], CELL)
    assert (cell(page, 0, 3) == 191).all()  # 0.75 * 255
    assert (page[TITLE : TITLE + LABEL] < 128).any()  # the label


def test_images_as_jpeg_or_png(tmp_path):
    image = np.zeros((16, 16, 3), np.uint8)
    image[..., 0] = 250
    for name in ("a.jpg", "b.png"):
        write_image(tmp_path / name, image)
        read = cv2.imread(str(tmp_path / name))[..., ::-1]
        assert np.abs(read.astype(int) - image).max() <= 4
    with pytest.raises(OutputError, match=r"\.png or \.jpg"):
        write_image(tmp_path / "c.gif", image)
