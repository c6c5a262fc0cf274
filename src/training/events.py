"""TensorBoard events, written at once: a disk that is full is an error of the run, not a thread that nobody hears."""

import time
from pathlib import Path
from typing import Any

from ..common.errors import OutputError

_SECONDS = 5.0  # between two times that the file is flushed to the disk


class Events:
    """The events of one run, in a folder of their own.

    tensorboardX's own `SummaryWriter` writes in a thread. Where that fails, it waits for the thread for ever.
    """

    def __init__(self, folder: Path, start_step: int = 0) -> None:
        """Begin a file; `start_step`: TensorBoard forgets what an interrupted run showed from there on."""
        from tensorboardX.event_file_writer import EventsWriter
        from tensorboardX.proto.event_pb2 import Event, SessionLog

        self.folder, self._seen = folder, 0.0
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._writer = EventsWriter(str(folder / "events"))
        except OSError as error:
            raise cannot_write(folder, error) from error
        if start_step:
            self._write(Event(step=start_step, session_log=SessionLog(status=SessionLog.START)))

    def scalar(self, name: str, value: float, step: int) -> None:
        """Add one number."""
        from tensorboardX import summary
        from tensorboardX.proto.event_pb2 import Event

        self._write(Event(step=step, summary=summary.scalar(name, value)))

    def image(self, name: str, image: Any, step: int) -> None:
        """Add an image, uint8 [H, W, 3]."""
        from tensorboardX import summary
        from tensorboardX.proto.event_pb2 import Event

        self._write(Event(step=step, summary=summary.image(name, image, dataformats="HWC")))

    def flush(self) -> None:
        """Let TensorBoard see what was added, unless it saw the file a moment ago: the disk is waited for."""
        if time.monotonic() - self._seen < _SECONDS:
            return
        self._seen = time.monotonic()
        try:
            self._writer.flush()
        except OSError as error:
            raise cannot_write(self.folder, error) from error

    def close(self) -> None:
        """Write what is left."""
        try:
            self._writer.close()
        except OSError as error:
            raise cannot_write(self.folder, error) from error

    def _write(self, event: Any) -> None:
        event.wall_time = time.time()
        try:
            self._writer.write_event(event)
        except OSError as error:
            raise cannot_write(self.folder, error) from error


def cannot_write(path: Path, error: OSError) -> OutputError:
    """The error for a file or folder of a run."""
    return OutputError(
        f"Cannot write to {path} ({error.strerror or error}). Free the disk or choose another --output_path."
    )
