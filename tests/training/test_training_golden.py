"""The first three training steps of the official network at its full size, against the original program's losses."""

import json

import numpy as np
import pytest

from benchmarks.reference import golden
from src.config.config import Config
from tests.support.golden_networks import network
from tests.support.steps import train_step

# Largest relative deviation of (semantic, detail, matte) from the golden losses that is accepted at steps 2 and 3.
# The golden run is chaotic: at lr 0.01 from these random weights a relative change of 1e-7 in the weights moves the
# next losses by per cents. Seen with the PyTorch transcription, which repeats the golden numbers to 1e-6 at step 1:
# in float64, and in float64 with weights changed by 1e-7 and 1e-6 (five draws), step 2 deviates by up to 6.3, 3.6 and
# 1.2 %, step 3 by up to 22, 2.3 and 2.6 %. The bands are about twice that. What they cannot show, several steps to
# 1e-3, test_step.py shows on a network that is well-conditioned.
BANDS = [(1e-4, 1e-4, 1e-4), (0.15, 0.07, 0.035), (0.45, 0.07, 0.06)]


@pytest.fixture(scope="module")
def deviations() -> np.ndarray:
    """[step, loss]: our losses / golden losses - 1."""
    expected = json.loads((golden.HERE / "training_losses.json").read_text())
    batch = golden.training_batch(expected["size"], expected["seed"], expected["batch"])
    cell = network.__wrapped__("official").set_train(True)  # not the shared one: training changes it
    step = train_step(cell, Config.from_values(lr=expected["lr"], momentum=expected["momentum"], optimizer="sgd"))
    results = [step(batch, expected["lr"], i) for i in range(3)]
    ours = np.array([[result.parts[name] for name in step.objective.names] for result in results])
    return ours / np.array(expected["losses_semantic_detail_matte_per_step"]) - 1


@pytest.mark.parametrize("step", range(3))
def test_losses_of_a_step(deviations, step):
    assert (np.abs(deviations[step]) < BANDS[step]).all(), deviations[step]
