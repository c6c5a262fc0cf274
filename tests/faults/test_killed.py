"""Trainings that a signal ends, at any moment and within a save: resumed, they are what the whole run is, bit for bit.

`bash scripts/faults.sh 0 --trainings 20 --seed 7` tries more.
"""

import signal
from pathlib import Path

import pytest

from tests.support.faults.killed import RECIPE, Blow, differences, plain_run, struck_run

pytestmark = pytest.mark.slow
BLOWS = (
    Blow("half a save", 2, signal.SIGKILL),
    Blow("save", 3, signal.SIGINT),
    Blow("validation", 1, signal.SIGTERM),
)


@pytest.fixture(scope="module")
def whole(tiny_config, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("whole") / "output"
    plain_run(tiny_config, folder, *RECIPE)
    return folder


@pytest.mark.parametrize("blow", BLOWS, ids=str)
def test_resumed_as_if_it_had_never_ended(blow, whole, tiny_config, tmp_path):
    folder = tmp_path / "output"
    done = struck_run(blow, tiny_config, folder, *RECIPE)
    expected = -9 if blow.number == signal.SIGKILL else 128 + blow.number
    assert done.status == expected and "Traceback" not in done.err, done.err
    resumed = plain_run(tiny_config, folder, "--resume", folder, *RECIPE)
    assert "resumed at step" in resumed.out
    assert differences(whole, folder) == []
