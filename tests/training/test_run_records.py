"""The curve of a training run."""

import numpy as np
import pytest

from src.training.run_records import _smooth


def test_the_smoothed_curve_is_a_mean_cut_off_at_both_ends():
    ramp = np.arange(60.0)
    found = _smooth(ramp)  # windows of three
    assert found[1:-1] == pytest.approx(ramp[1:-1])
    assert (found[0], found[-1]) == pytest.approx((0.5, 58.5))
    assert (_smooth(ramp[:39]) == ramp[:39]).all()
