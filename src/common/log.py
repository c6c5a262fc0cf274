"""The project's only logger: console on rank 0, and a file when a run has a folder."""

import logging
import sys
from pathlib import Path

_FORMAT = "%(asctime)s [%(levelname)s] %(message)s"
_DATE = "%Y-%m-%d %H:%M:%S"

logger = logging.getLogger("modnet")
logger.propagate = False


class _LogFile(logging.FileHandler):
    """A log file on a full disk lacks lines; that neither stops the program nor fills the console with tracebacks."""

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - logging's name
        """The console has the line."""


def setup_logging(log_file: Path | None = None, rank: int = 0, to_stderr: bool = False) -> None:
    """Send messages to the console (rank 0 only) and, if given, append them to `log_file`.

    With `to_stderr` the console is standard error: standard output is the result's.
    Calling it again replaces the handlers, so a run can add its file once its folder exists.
    """
    for handler in list(logger.handlers):
        logger.removeHandler(handler)
        handler.close()
    handlers: list[logging.Handler] = []
    if rank == 0:
        handlers.append(logging.StreamHandler(sys.stderr if to_stderr else sys.stdout))
    if log_file is not None:
        handlers.append(_LogFile(log_file, mode="a", encoding="utf-8"))
    for handler in handlers or [logging.NullHandler()]:
        handler.setFormatter(logging.Formatter(_FORMAT, _DATE))
        logger.addHandler(handler)
    logger.setLevel(logging.INFO)
