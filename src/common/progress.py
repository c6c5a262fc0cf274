"""How far a run is: a bar on a terminal, now and then a line in a log."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from .log import logger

_LINE_SECONDS = 10.0


class Progress:
    """Counts what is done.

    Args:
        total: how many there will be; None where nobody knows.
        unit: of what, in the plural.
    """

    def __init__(self, total: int | None, unit: str) -> None:
        self.total, self.unit, self.done = total, unit, 0
        self.start = self._line = time.perf_counter()

    def step(self) -> None:
        self.done += 1
        if time.perf_counter() - self._line >= _LINE_SECONDS:
            self._line = time.perf_counter()
            self._log()

    @property
    def seconds(self) -> float:
        return time.perf_counter() - self.start

    def _log(self) -> None:
        rate = self.done / max(self.seconds, 1e-9)
        total, left = ("", "") if self.total is None else (f"/{self.total}", clock((self.total - self.done) / rate))
        logger.info("%d%s %s, %.2f a second%s", self.done, total, self.unit, rate, left and f" | ETA {left}")


class _Bar(Progress):
    def __init__(self, total: int | None, unit: str, bar: Any) -> None:
        super().__init__(total, unit)
        self._bar = bar

    def step(self) -> None:
        self.done += 1
        self._bar.update()


@contextmanager
def progress(total: int | None, unit: str) -> Iterator[Progress]:
    """A `Progress`: a bar where stderr is a terminal and tqdm is installed, else lines every ten seconds."""
    bar = _import_tqdm() if sys.stderr.isatty() else None
    if bar is None:
        yield Progress(total, unit)
        return
    tqdm, redirect = bar
    with redirect([logger]), tqdm(total=total, unit=f" {unit}") as shown:
        yield _Bar(total, unit, shown)


def _import_tqdm() -> tuple[Any, Any] | None:
    try:
        from tqdm import tqdm
        from tqdm.contrib.logging import logging_redirect_tqdm
    except ImportError:  # a terminal's comfort, which edge devices need not have
        return None
    return tqdm, logging_redirect_tqdm


def clock(seconds: float) -> str:
    """'0:01:07'."""
    return f"{int(seconds) // 3600}:{int(seconds) // 60 % 60:02d}:{int(seconds) % 60:02d}"
