"""What a benchmark found, its JSON form, and how it compares with an earlier one."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..common.errors import ConfigError
from ..common.files import read_json, write_text
from ..runtime.options import join_precision

_PERCENTILES = (50, 90, 99)


def percentiles(values: Sequence[float]) -> dict[str, float]:
    """{"p50", "p90", "p99"}, linear between the two nearest values."""
    return {f"p{p}": float(value) for p, value in zip(_PERCENTILES, np.percentile(values, _PERCENTILES), strict=True)}


@dataclass(frozen=True)
class Measurement:
    """One model on a number of threads (None: the runtime's choice).

    Attributes:
        milliseconds: `percentiles` of an image's pre-processing ("pre"), "inference", "post" and "whole"; None where
            latency was not measured.
        pictures_per_s: median over turns, with `requests` under way at once; None where not measured.
        open_s, compile_s, first_ms: see `src.bench.session.Session`.
        peak_mib: of the whole process while it computed one image after another; `file_mb` in 10^6 bytes.
        macs: deployed ones (see `src.models.costs`) at the input size; None, as `parameters`, without MindSpore or
            contract.
    """

    model: str
    precision: str
    threads: int | None
    milliseconds: dict[str, dict[str, float]] | None
    pictures_per_s: float | None
    requests: int | None
    open_s: float
    compile_s: float | None
    first_ms: float
    peak_mib: float
    file_mb: float
    macs: int | None
    parameters: int | None

    @property
    def key(self) -> tuple[str, str, int | None]:
        """What is measured: model, precision and threads."""
        return self.model, self.precision, self.threads

    @property
    def label(self) -> str:
        """As given to --models, with the precision where it is not f32."""
        return join_precision(self.model, self.precision)

    @property
    def inference_ms(self) -> float | None:
        """Median milliseconds of the network; None where latency was not measured."""
        return self.milliseconds["inference"]["p50"] if self.milliseconds else None


@dataclass(frozen=True)
class Benchmark:
    """All measurements of one run.

    Attributes:
        machine: CPU name, cores, and load before it began.
        settings: device, shape, source and the plan's numbers.
    """

    machine: dict[str, Any]
    settings: dict[str, Any]
    models: list[Measurement]

    def save(self, path: str | Path) -> None:
        """Write it as JSON, for `load`."""
        write_text(path, json.dumps(asdict(self), indent=1, allow_nan=False) + "\n")

    @classmethod
    def load(cls, path: str | Path) -> "Benchmark":
        """Read what `save` wrote; ConfigError for any other file."""
        try:
            values = read_json(path)
            return cls(values["machine"], values["settings"], [Measurement(**row) for row in values["models"]])
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise ConfigError(
                f"{path} is not an earlier result ({error}). Give a file that benchmark.py --json wrote."
            ) from error

    def speedup(self, row: Measurement) -> float | None:
        """How many times faster a row's inference is than the first model's on as many threads."""
        first = next(other for other in self.models if other.threads == row.threads)
        if first.inference_ms is None or row.inference_ms is None:
            return None
        return first.inference_ms / row.inference_ms


HEAD = ["model", "threads", "pre, ms", "inference p50", "p90", "p99", "post, ms", "whole p50", "times faster",
        "images/s", "open, s", "compile, s", "first, ms", "memory, MiB", "file, MB", "GMACs"]  # fmt: skip


def table_rows(benchmark: Benchmark) -> list[list[str]]:
    """Cells under `HEAD`, one row a measurement; what was not measured is a dash."""
    return [_cells(row, benchmark.speedup(row)) for row in benchmark.models]


def _cells(row: Measurement, speedup: float | None) -> list[str]:
    def ms(stage: str, percentile: str = "p50") -> float | None:
        return row.milliseconds[stage][percentile] if row.milliseconds else None

    numbers = [(ms("pre"), 1), *((ms("inference", p), 1) for p in ("p50", "p90", "p99")), (ms("post"), 1),
               (ms("whole"), 1), (speedup, 2), (row.pictures_per_s, 1), (row.open_s, 2), (row.compile_s, 2),
               (row.first_ms, 1), (row.peak_mib, 0), (row.file_mb, 2),
               (None if row.macs is None else row.macs / 1e9, 3)]  # fmt: skip
    cells = ["-" if value is None else f"{value:.{digits}f}" for value, digits in numbers]
    return [row.label, "auto" if row.threads is None else str(row.threads), *cells]


@dataclass(frozen=True)
class Slowdown:
    """How much slower a row is than before, as shares, negative where it is faster; None where not measured twice.

    Attributes:
        inference: of its median time.
        throughput: of the time an image with several under way.
    """

    row: Measurement
    inference: float | None
    throughput: float | None

    @property
    def worst(self) -> float:
        """The larger share of those that were measured twice."""
        return max(share for share in (self.inference, self.throughput) if share is not None)

    def __str__(self) -> str:
        texts = [
            f"{name} {share:+.1%}"
            for name, share in (("inference", self.inference), ("an image at full throughput", self.throughput))
            if share is not None
        ]
        threads = f", {self.row.threads} threads" if self.row.threads else ""
        return f"{self.row.label}{threads}: time against the earlier result: {', '.join(texts)}"


def check_comparable(machine: dict[str, Any], settings: dict[str, Any], old: Benchmark) -> None:
    """ConfigError where the earlier result is of another machine, device or size than a benchmark with these."""
    pairs = [(machine, old.machine, name) for name in ("cpu", "cores")]
    pairs += [(settings, old.settings, name) for name in ("device", "shape", "source")]
    for here, there, name in pairs:
        if here[name] != there.get(name):
            raise ConfigError(
                f"The earlier result is of {name} {there.get(name)}, this one of {here[name]}: measure both alike."
            )


def compare(new: Benchmark, old: Benchmark) -> list[Slowdown]:
    """The rows that both have, in the order of `new`; ConfigError where there is none."""
    before = {row.key: row for row in old.models}
    pairs = [(row, before[row.key]) for row in new.models if row.key in before]
    found = [
        Slowdown(row, _share(row.inference_ms, past.inference_ms), _share(past.pictures_per_s, row.pictures_per_s))
        for row, past in pairs
    ]
    found = [slowdown for slowdown in found if (slowdown.inference, slowdown.throughput) != (None, None)]
    if not found:
        raise ConfigError("The earlier result has none of these models in the same precision, threads and mode.")
    return found


def _share(larger: float | None, smaller: float | None) -> float | None:
    return None if larger is None or smaller is None else larger / smaller - 1
