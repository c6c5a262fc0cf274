"""How far a run is: a bar on a terminal, now and then a line in a log."""

import sys
import time
from collections.abc import Iterable, Iterator, Sized
from contextlib import contextmanager
from typing import Any, TypeVar

from .log import logger
from .text import count_of, plural

Item = TypeVar("Item")

_LINE_SECONDS = 10.0


class Progress:
    """Counts what is done; with `lines`, a line in the log every ten seconds.

    Attributes:
        total: How many there will be; None where nobody knows.
        unit: What is counted, in the singular.
        done: How many are finished, those of an earlier run included.
    """

    def __init__(self, total: int | None, unit: str, lines: bool = True, initial: int = 0) -> None:
        self.total, self.unit, self.lines, self.done = total, unit, lines, initial
        self._initial = initial
        self.start = self._line = time.perf_counter()

    def step(self) -> None:
        """One more is done."""
        self.done += 1
        if self.lines and time.perf_counter() - self._line >= _LINE_SECONDS:
            self._line = time.perf_counter()
            self._log()

    @property
    def seconds(self) -> float:
        """Seconds since the beginning."""
        return time.perf_counter() - self.start

    def _log(self) -> None:
        rate = (self.done - self._initial) / max(self.seconds, 1e-9)
        if self.total is None:
            logger.info("%s, %.2f a second", count_of(self.done, self.unit), rate)
        else:
            left = clock((self.total - self.done) / rate)
            logger.info("%d/%s, %.2f a second | ETA %s", self.done, count_of(self.total, self.unit), rate, left)


class _Bar(Progress):
    """A `Progress` that a bar of tqdm shows."""

    def __init__(self, total: int | None, unit: str, bar: Any, initial: int) -> None:
        super().__init__(total, unit, lines=False, initial=initial)
        self._bar = bar

    def step(self) -> None:
        super().step()
        self._bar.update()


@contextmanager
def progress(
    total: int | None, unit: str, *, initial: int = 0, label: str | None = None, quiet: bool = False, lines: bool = True
) -> Iterator[Progress]:
    """A `Progress`: a bar where stderr is a terminal and tqdm is installed, else lines in the log.

    Args:
        total: How many there will be; None where nobody knows.
        unit: What is counted, in the singular: "image".
        initial: How many an earlier run has done.
        label: What stands before the bar.
        quiet: Show neither bar nor lines.
        lines: Log a line every ten seconds where there is no bar.
    """
    bar = _import_bar() if sys.stderr.isatty() and not quiet else None
    if bar is None:
        yield Progress(total, unit, lines and not quiet, initial)
        return
    make, redirect = bar
    shown = make(total=total, unit=unit, initial=initial, desc=label, leave=None, dynamic_ncols=True)
    with redirect([logger]), shown:
        yield _Bar(total, unit, shown, initial)


def track(
    items: Iterable[Item], unit: str, total: int | None = None, initial: int = 0, quiet: bool = False,
    *, label: str | None = None, lines: bool = False,
) -> Iterator[Item]:  # fmt: skip
    """The items, each counted when the next one is asked for; see `progress`.

    Args:
        items: What the caller goes through.
        unit: What an item is, in the singular.
        total: How many there are with the `initial` ones; by default the length of `items` where it has one.
        initial: How many an earlier run has done.
        quiet: Show nothing.
        label: What stands before the bar.
        lines: Log a line every ten seconds where there is no bar.
    """
    if total is None and isinstance(items, Sized):
        total = initial + len(items)
    with progress(total, unit, initial=initial, label=label, quiet=quiet, lines=lines) as shown:
        for item in items:
            yield item
            shown.step()


def _import_bar() -> tuple[Any, Any] | None:
    """What makes a bar, and what keeps the log's lines above it; None where tqdm is not installed."""
    try:
        from tqdm import tqdm
        from tqdm.contrib.logging import logging_redirect_tqdm
    except ImportError:  # a terminal's comfort, which edge devices need not have
        return None

    class Bar(tqdm):
        """A bar whose pace reads `2.50 images/s` or `1.81s/image`."""

        @property
        def format_dict(self) -> dict[str, Any]:
            values = super().format_dict
            rate = values["rate"] or (values["n"] - values["initial"]) / (values["elapsed"] or 1)
            return dict(values) | {"unit": f" {plural(values['unit'])}" if rate >= 1 else values["unit"]}

    return Bar, logging_redirect_tqdm


def clock(seconds: float) -> str:
    """'0:01:07'."""
    return f"{int(seconds) // 3600}:{int(seconds) // 60 % 60:02d}:{int(seconds) % 60:02d}"
