"""A benchmark as an image."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ..common.errors import ConfigError
from ..common.files import whole_file
from ..common.sizes import show_size
from .results import Benchmark, Measurement
from .session import STAGES

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def check_drawable(path: Path) -> None:
    """ConfigError where matplotlib is not installed, or does not know the kind of image."""
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise ConfigError(f"--picture needs matplotlib ({error}). Run: pip install matplotlib") from error
    known = Figure().canvas.get_supported_filetypes()
    if path.suffix.removeprefix(".") not in known:
        raise ConfigError(f"--picture {path}: known are {', '.join(f'.{kind}' for kind in sorted(known))}.")


def draw(benchmark: Benchmark, path: Path) -> None:
    """Draw bars of each model: milliseconds of the three stages (p50; line: p90 of all), and images a second."""
    from matplotlib.figure import Figure

    rows = benchmark.models
    figure = Figure(figsize=(11, 1.6 + 0.4 * len(rows)), layout="constrained")
    latency, throughput = figure.subplots(1, 2, sharey=True, width_ratios=(2, 1))
    _draw_latency(latency, rows)
    _draw_throughput(throughput, rows)
    labels = [row.label + (f", {row.threads} threads" if row.threads else "") for row in rows]
    latency.set_yticks(range(len(rows)), labels)
    latency.invert_yaxis()
    size = show_size(benchmark.settings["shape"])
    figure.suptitle(f"{benchmark.machine['cpu']}, {benchmark.settings['device']}, {size}", fontsize=10)
    with whole_file(path) as temporary:
        figure.savefig(temporary, dpi=100)


def _draw_latency(axes: "Axes", rows: Sequence[Measurement]) -> None:
    timed = {i: row.milliseconds for i, row in enumerate(rows) if row.milliseconds}
    places, left = list(timed), [0.0] * len(timed)
    for stage in STAGES:
        widths = [milliseconds[stage]["p50"] for milliseconds in timed.values()]
        axes.barh(places, widths, left=left, label=stage)
        left = [a + b for a, b in zip(left, widths, strict=True)]
    if timed:
        ends = [milliseconds["whole"]["p90"] for milliseconds in timed.values()]
        axes.hlines(places, left, ends, color="black", label="all, p90")
        axes.legend()
    axes.set(xlabel="milliseconds an image, one after another")


def _draw_throughput(axes: "Axes", rows: Sequence[Measurement]) -> None:
    rates = {i: row.pictures_per_s for i, row in enumerate(rows) if row.pictures_per_s}
    axes.bar_label(axes.barh(list(rates), list(rates.values())), fmt="%.1f")
    axes.margins(x=0.15)
    axes.set(xlabel="images a second, network alone")
