"""What a training run says while it works: log lines, metrics.csv, TensorBoard events and the loss curve."""

import csv
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..common.files import whole_file
from ..common.log import logger
from .events import Events, cannot_write
from .length import Length
from .run_folder import RunFolder
from .step import StepResult


class Meter:
    """Means over the steps since the last log line; `parts` names the parts of the loss."""

    def __init__(self, parts: tuple[str, ...]) -> None:
        self.parts = parts
        self.reset()

    def reset(self) -> None:
        """Begin anew."""
        self.steps, self.batch_seconds, self.reader_seconds = 0, 0.0, 0.0
        self.losses = dict.fromkeys(("loss", *self.parts), 0.0)

    def add(self, result: StepResult, batch_seconds: float, reader_seconds: float) -> None:
        """Count a step: its losses, its time, and how long it waited for its batch."""
        self.steps += 1
        self.batch_seconds += batch_seconds
        self.reader_seconds += reader_seconds
        self.losses["loss"] += result.total
        for name, value in result.parts.items():
            self.losses[name] += value

    def means(self) -> dict[str, float]:
        """Means over the steps: losses by name, `batch_cost` and `reader_cost` in seconds."""
        n = max(1, self.steps)
        values = {name: value / n for name, value in self.losses.items()}
        return values | {"batch_cost": self.batch_seconds / n, "reader_cost": self.reader_seconds / n}


@dataclass(frozen=True)
class StepLine:
    """Where a run is: epoch and iteration from 1, steps done, and the last step's learning rate."""

    epoch: int
    iteration: int
    done: int
    rate: float


class RunRecords:
    """Writes the run's records.

    Attributes:
        parts: names of the parts of the loss.
        rows: of metrics.csv.
    """

    def __init__(
        self, parts: tuple[str, ...], folder: RunFolder, start_step: int = 0, earlier: Path | None = None
    ) -> None:
        """Begin, or go on: rows of steps after `start_step` (of an interrupted run) are dropped.

        Args:
            parts: names of the parts of the loss.
            folder: of the run.
            start_step: steps done.
            earlier: metrics.csv of the run that is resumed, if it lies elsewhere.
        """
        self.parts, self.metrics = parts, folder.metrics
        self.columns = ("step", "epoch", "lr", "loss", *parts, "batch_cost", "reader_cost", "val_mse", "val_mad")
        self.rows = _read_rows(earlier or folder.metrics, start_step)
        self._rewrite()
        self.events = Events(folder.root / "events", start_step)

    def step_line(self, line: StepLine, length: Length, meter: Meter) -> dict[str, float]:
        """Log one line in PaddleSeg's form, and return the means that it shows."""
        m = meter.means()
        parts = " ".join(f"{name}={m[name]:.4f}" for name in self.parts)
        logger.info(
            "[TRAIN] epoch=%d/%d, iter=%d/%d, loss=%.4f (%s), lr=%.6f, batch_cost=%.3f s, reader_cost=%.3f s, "
            "ips=%.2f images/s | ETA %s",
            line.epoch, length.epochs, line.iteration, length.steps, m["loss"], parts, line.rate, m["batch_cost"],
            m["reader_cost"], length.images / max(m["batch_cost"], 1e-9),
            _clock((length.total - line.done) * m["batch_cost"]),
        )  # fmt: skip
        return m

    def record(self, step: int, values: dict[str, float]) -> None:
        """Append one row to metrics.csv and to the TensorBoard events."""
        row = {"step": step} | values
        self.rows.append({name: _number(row.get(name)) for name in self.columns})
        try:
            with self.metrics.open("a", newline="", encoding="utf-8") as file:
                csv.DictWriter(file, self.columns).writerow(self.rows[-1])
        except OSError as error:
            raise cannot_write(self.metrics, error) from error
        for name, value in values.items():
            self.events.scalar(name, value, step)
        self.events.flush()

    def image(self, step: int, sheet: Any) -> None:
        """Add a sheet, uint8 [H, W, 3], to the TensorBoard events."""
        self.events.image("validation", sheet, step)

    def draw_curve(self, path: Path) -> None:
        """Losses, faint as measured and bold smoothed, and validation scores over the steps, as one image."""
        from matplotlib.figure import Figure

        figure = Figure(figsize=(10, 4), layout="constrained")
        left, right = figure.subplots(1, 2)
        rows = [r for r in self.rows if r["loss"]]
        steps = [float(r["step"]) for r in rows]
        for name in ("loss", *self.parts):
            values = np.array([float(r[name]) for r in rows])
            line = left.plot(steps, values, linewidth=0.6, alpha=0.25)[0]
            left.plot(steps, _smooth(values), color=line.get_color(), label=name)
        left.set(title="training loss (scaled parts)", xlabel="step", yscale="log")
        left.legend(loc="upper center", bbox_to_anchor=(0.5, -0.16), ncols=4, fontsize="small", frameon=False)
        validated = [r for r in self.rows if r["val_mse"]]
        for name in ("val_mse", "val_mad"):
            right.plot([float(r["step"]) for r in validated], [float(r[name]) for r in validated], "o-", label=name)
        right.set(title="validation, full images", xlabel="step", yscale="log")
        right.legend()
        for axes in (left, right):
            axes.grid(alpha=0.3)
        with whole_file(path) as temporary:
            figure.savefig(temporary, dpi=100)

    def close(self) -> None:
        """Close the TensorBoard events."""
        self.events.close()

    def _rewrite(self) -> None:
        with whole_file(self.metrics) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, self.columns)
            writer.writeheader()
            writer.writerows(self.rows)


def _smooth(values: np.ndarray) -> np.ndarray:
    """Mean over a window of a twentieth of all values, cut off at both ends; few values as they are."""
    if len(values) < 40:
        return values
    window = np.ones(len(values) // 20)
    return np.convolve(values, window, "same") / np.convolve(np.ones_like(values), window, "same")


def _read_rows(path: Path, last_step: int) -> list[dict[str, str]]:
    if not path.is_file():
        return []
    with path.open(newline="", encoding="utf-8") as file:
        return [row for row in csv.DictReader(file) if int(row["step"]) <= last_step]


def _number(value: float | None) -> str:
    if value is None:
        return ""
    return str(value) if isinstance(value, int) else f"{value:.8g}"


def _clock(seconds: float) -> str:
    return f"{int(seconds) // 3600:02d}:{int(seconds) // 60 % 60:02d}:{int(seconds) % 60:02d}"


class Stopwatch:
    """Seconds since the last lap."""

    def __init__(self) -> None:
        self.mark = time.perf_counter()

    def lap(self) -> float:
        """Seconds since the last call."""
        now = time.perf_counter()
        elapsed, self.mark = now - self.mark, now
        return elapsed
