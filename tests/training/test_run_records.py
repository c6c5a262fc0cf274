"""The curve of a training run, and its events for TensorBoard."""

import struct
import sys

import numpy as np
import pytest

from src.training.events import Events
from src.training.run_records import _smooth
from tests.support.programs import run_program


def test_the_smoothed_curve_is_a_mean_cut_off_at_both_ends():
    ramp = np.arange(60.0)
    found = _smooth(ramp)  # windows of three
    assert found[1:-1] == pytest.approx(ramp[1:-1])
    assert (found[0], found[-1]) == pytest.approx((0.5, 58.5))
    assert (_smooth(ramp[:39]) == ramp[:39]).all()


def read_events(folder) -> list:
    from tensorboardX.proto.event_pb2 import Event

    data, events = next(folder.iterdir()).read_bytes(), []
    while data:  # length, checksum, event, checksum
        (length,) = struct.unpack("<Q", data[:8])
        events.append(Event.FromString(data[12 : 12 + length]))
        data = data[16 + length :]
    return events


def test_events_are_tensorboards(tmp_path):
    events = Events(tmp_path / "events", start_step=3)
    events.scalar("loss", 0.5, 4)
    events.image("validation", np.zeros((4, 6, 3), np.uint8), 4)
    events.close()
    begin, purge, loss, sheet = read_events(tmp_path / "events")
    assert begin.file_version == "brain.Event:2" and (purge.step, purge.session_log.status) == (3, 1)
    assert (loss.step, loss.summary.value[0].tag, loss.summary.value[0].simple_value) == (4, "loss", 0.5)
    assert (sheet.summary.value[0].tag, sheet.summary.value[0].image.width) == ("validation", 6)
    assert loss.wall_time > 0


@pytest.mark.slow
def test_events_on_a_full_disk_are_one_error(tmp_path):
    """They once left a run waiting for ever."""
    program = f"""
import resource
from pathlib import Path
from src.common.cli import run_command
from src.training.events import Events
def main():
    events = Events(Path({str(tmp_path)!r}))
    for step in range(300):
        events.scalar("loss", 0.5, step)
        events.flush()
    events.close()
resource.setrlimit(resource.RLIMIT_FSIZE, (5000, 5000))
run_command(main)
"""
    error = run_program(sys.executable, "-c", program, timeout=60).assert_refused()
    assert error.startswith(f"error: Cannot write to {tmp_path} (File too large)") and error.count("\n") == 1
