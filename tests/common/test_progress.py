"""Progress as a bar on a terminal, as lines in a log, and as nothing; counts in words."""

import io
import logging
import sys
from collections.abc import Iterator

import pytest

from src.common import progress as module
from src.common.log import logger
from src.common.progress import clock, progress, track
from src.common.text import count_of


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def terminal(monkeypatch) -> Terminal:
    """Let standard error be a terminal from now on."""
    shown = Terminal()
    monkeypatch.setattr(sys, "stderr", shown)
    return shown


@pytest.fixture
def lines(monkeypatch) -> Iterator[list[str]]:
    """What the log gets, where every step is worth a line."""
    found: list[str] = []
    handler = logging.Handler()
    handler.emit = lambda record: found.append(record.getMessage())
    monkeypatch.setattr(module, "_LINE_SECONDS", 0.0)
    monkeypatch.setattr(logger, "handlers", [handler])
    level = logger.level
    logger.setLevel(logging.INFO)
    yield found
    logger.setLevel(level)


def test_counts_in_words():
    assert [count_of(n, "image") for n in (0, 1, 2)] == ["0 images", "1 image", "2 images"]
    assert count_of(2, "batch") == "2 batches" and count_of(1, "batch") == "1 batch"
    assert clock(3_667.9) == "1:01:07"


def test_items_come_back_as_they_are_and_are_counted(lines):
    assert list(track("abc", "letter", lines=True)) == ["a", "b", "c"]
    assert [line.split(",")[0] for line in lines] == ["1/3 letters", "2/3 letters", "3/3 letters"]
    assert lines[-1].endswith("a second | ETA 0:00:00")


def test_lines_of_an_unknown_total_and_of_one(lines):
    assert list(track(iter("ab"), "frame", lines=True)) == ["a", "b"]
    assert [line.split(",")[0] for line in lines] == ["1 frame", "2 frames"] and "ETA" not in lines[0]
    lines.clear()
    with progress(1, "image") as bar:
        bar.step()
    assert bar.done == 1 and lines[0].startswith("1/1 image, ")


def test_no_lines_unless_they_are_asked_for(lines):
    assert list(track([1, 2], "step")) == [1, 2] and list(track([1], "step", quiet=True, lines=True)) == [1]
    with progress(2, "image", lines=False) as bar:
        bar.step()
    assert lines == []


def test_a_run_that_goes_on(lines):
    assert list(track([8, 9], "step", initial=3, lines=True)) == [8, 9]
    assert [line.split(",")[0] for line in lines] == ["4/5 steps", "5/5 steps"]


def test_a_bar_on_a_terminal(monkeypatch, lines):
    pytest.importorskip("tqdm")
    screen = terminal(monkeypatch)
    assert list(track([1, 2, 3], "image", label="mattes")) == [1, 2, 3]
    shown = screen.getvalue()
    assert "mattes: 100%" in shown and "3/3 [" in shown and " images/s]" in shown and lines == []
    assert list(track([1], "image", quiet=True)) == [1] and screen.getvalue() == shown


def test_the_pace_of_a_bar():
    """A slow bar says seconds an image, without a blank; tqdm turns the unit round below one a second."""
    pytest.importorskip("tqdm")
    make, _ = module._import_bar()
    for rate, text in ((2.5, "2.50 images/s]"), (0.5, "2.00s/image]")):
        bar = make(total=9, unit="image", file=io.StringIO())
        bar._ema_dt, bar._ema_dn = (lambda: 1.0), (lambda rate=rate: rate)
        assert text in str(bar)
        bar.close()
