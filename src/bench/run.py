"""One run of benchmark.py: measured, saved, shown, drawn, and compared with an earlier result."""

from collections.abc import Callable
from dataclasses import asdict

from ..common.files import make_folder
from ..common.log import logger
from ..common.sizes import show_size
from ..runtime.factory import open_predictor
from .figure import check_drawable, draw
from .measure import measure
from .options import BenchmarkOptions
from .report import machine, show_machine, table
from .results import HEAD, Benchmark, check_comparable, compare, table_rows
from .session import Opener


def run_benchmark(options: BenchmarkOptions, show: Callable[[str], None], opener: Opener = open_predictor) -> int:
    """Measure what the options ask for; mistakes that can be seen before the work are told before.

    Args:
        options: models, sizes, and files for the result.
        show: takes the text of the result, a Markdown table below the machine's name.
        opener: opens a model in its own process.

    Returns:
        The exit status: 1 where a model is slower than the earlier result by more than allowed.

    Raises:
        MattingError: a model cannot be opened, or an earlier result cannot be compared.
    """
    facts, settings = machine(), options.settings()
    old = Benchmark.load(options.compare) if options.compare else None
    if old:
        check_comparable(facts, settings, old)
    for path in filter(None, (options.json, options.chart)):
        make_folder(path.parent)
    if options.chart:
        check_drawable(options.chart)
    rows = [row for cases in options.groups for row in measure(cases, options.plan, opener)]
    result = Benchmark(facts, settings | asdict(options.plan), rows)
    if options.json:
        result.save(options.json)
    show(describe(result))
    if options.chart:
        draw(result, options.chart)
    return 0 if old is None else gate(result, old, options.max_slowdown)


def describe(result: Benchmark) -> str:
    """The machine and the sizes in one line, and the table in Markdown."""
    settings = result.settings
    place = f"{show_machine(result.machine)}, {settings['device']}, {show_size(settings['shape'])}"
    return f"{place}\n\n{table(HEAD, table_rows(result))}"


def gate(result: Benchmark, old: Benchmark, most: float | None) -> int:
    """Log how models differ from an earlier result; 1 where one is slower by more than `most`."""
    failed = False
    for slowdown in compare(result, old):
        over = most is not None and slowdown.worst > most
        failed |= over
        (logger.error if over else logger.info)("%s", slowdown)
    return int(failed)
