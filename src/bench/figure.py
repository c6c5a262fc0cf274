"""A benchmark as an image."""

from pathlib import Path

from ..common.errors import ConfigError
from ..common.files import whole_file
from .results import Benchmark
from .session import STAGES


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
    """Bars of each model: milliseconds of the three stages (p50; line: p90 of all), and images a second."""
    from matplotlib.figure import Figure

    rows = benchmark.models
    labels = [row.label + (f", {row.threads} threads" if row.threads else "") for row in rows]
    figure = Figure(figsize=(11, 1.6 + 0.4 * len(rows)), layout="constrained")
    latency, throughput = figure.subplots(1, 2, sharey=True, width_ratios=(2, 1))
    timed = [i for i, row in enumerate(rows) if row.milliseconds]
    left = [0.0] * len(timed)
    for stage in STAGES:
        widths = [rows[i].milliseconds[stage]["p50"] for i in timed]
        latency.barh(timed, widths, left=left, label=stage)
        left = [a + b for a, b in zip(left, widths, strict=True)]
    if timed:
        ends = [rows[i].milliseconds["whole"]["p90"] for i in timed]
        latency.hlines(timed, left, ends, color="black", label="all, p90")
        latency.legend()
    rated = [i for i, row in enumerate(rows) if row.pictures_per_s]
    throughput.bar_label(throughput.barh(rated, [rows[i].pictures_per_s for i in rated]), fmt="%.1f")
    latency.set_yticks(range(len(rows)), labels)
    latency.invert_yaxis()
    latency.set(xlabel="milliseconds an image, one after another")
    throughput.margins(x=0.15)
    throughput.set(xlabel="images a second, network alone")
    height, width = benchmark.settings["shape"]
    figure.suptitle(f"{benchmark.machine['cpu']}, {benchmark.settings['device']}, {height}x{width}", fontsize=10)
    with whole_file(path) as temporary:
        figure.savefig(temporary, dpi=100)
