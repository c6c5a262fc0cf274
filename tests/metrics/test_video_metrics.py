"""dtSSD and flicker against values computed by hand."""

import numpy as np
import pytest

from src.common.errors import DataError
from src.metrics.temporal import TemporalError
from tests.support.steadiness import dtssd, still_flicker


def frame(*values: float) -> np.ndarray:
    return np.array([values], np.float32)


def test_dtssd_by_hand():
    mattes = [frame(0, 0, 0, 0), frame(0.5, 0, 0, 0), frame(0.5, 0.5, 0, 1)]
    truths = [frame(0, 0, 0, 0), frame(0.1, 0.3, 0, 0), frame(0.1, 0.3, 0, 1)]
    # Changes that are wrong: (0.4, -0.3, 0, 0), then (0, 0.5, 0, 0): roots of the means 0.25 and 0.25.
    assert dtssd(mattes, truths) == pytest.approx(25)


def test_a_constant_error_is_steady():
    mattes, truths = [frame(0.8, 0.2), frame(0.9, 0.3)], [frame(0.6, 0.4), frame(0.7, 0.5)]
    assert dtssd(mattes, truths) == pytest.approx(0, abs=1e-5)


def test_flicker_of_a_still_scene_by_hand():
    # One of four pixels goes up by 0.6 and back: 100 * 0.6 / 2 in two of three transitions.
    frames = [frame(0, 0, 0, 1), frame(0, 0, 0, 1), frame(0, 0.6, 0, 1), frame(0, 0, 0, 1)]
    assert still_flicker(frames) == pytest.approx(2 / 3 * 30)
    assert still_flicker(frames[:1]) == 0 and still_flicker([]) == 0


def test_sizes_must_agree():
    error = TemporalError()
    error.add(frame(0, 1))
    with pytest.raises(DataError, match="of one size"):
        error.add(frame(0, 1, 0))
