"""Measure models side by side: each in a process of its own, taking turns."""

import contextlib
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import cache
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from ..common.errors import MattingError
from ..common.log import logger
from ..common.processes import WorkerError
from ..model_file.releases import find_model
from ..runtime.factory import open_predictor
from .cases import Case, MeasurementPlan
from .costs import network_costs
from .results import Measurement, percentiles
from .session import STAGES, Opener, serve
from .turns import in_turns


class Worker:
    """A case's process, so that its memory and its start are its own; it sleeps until it is asked."""

    def __init__(self, case: Case, opener: Opener = open_predictor) -> None:
        self.case = case
        context = get_context("spawn")  # a fresh interpreter: runtimes read their environment once
        self.pipe, there = context.Pipe()
        self.process = context.Process(target=serve, args=(there, case, opener), daemon=True)
        self.process.start()
        there.close()

    def answer(self) -> Any:
        """What the process says next; raises the `MattingError` that it met, WorkerError where it has ended."""
        try:
            answer = self.pipe.recv()
        except (EOFError, OSError) as error:
            self.process.join()
            raise WorkerError(
                f"The process of {self.case.model} ended with status {self.process.exitcode} (-9: most likely for "
                "lack of memory; else its message is above). Measure fewer models at a time."
            ) from error
        if isinstance(answer, MattingError):
            raise answer
        return answer

    def ask(self, method: str, *arguments: Any) -> Any:
        """Call a method of `src.bench.session.Session` there."""
        with contextlib.suppress(OSError):  # it has ended, which `answer` reports
            self.pipe.send((method, arguments))
        return self.answer()

    def close(self) -> None:
        """End the process."""
        self.pipe.close()
        self.process.kill()
        self.process.join()


def measure(cases: Sequence[Case], plan: MeasurementPlan, opener: Opener = open_predictor) -> list[Measurement]:
    """Measure cases that take turns; each is opened, by `opener` in its own process, while no other computes.

    Raises:
        MattingError: a model cannot be opened, or a process ended.
    """
    workers: list[Worker] = []
    try:
        facts = []
        for case in cases:
            logger.info("opening %s in %s", case.model, case.precision)
            workers.append(Worker(case, opener))
            facts.append(workers[-1].answer())
        for worker in workers:
            worker.ask("latency", plan.warm_up)
        times = _latency(workers, plan) if "latency" in plan.modes else {}
        peaks = [worker.ask("peak_mib") for worker in workers]  # before throughput opens the model once more
        rates = _throughput(workers, plan) if "throughput" in plan.modes else {}
    finally:
        for worker in workers:
            worker.close()
    return [
        _summary(worker.case, fact, times.get(worker), rates.get(worker), peak)
        for worker, fact, peak in zip(workers, facts, peaks, strict=True)
    ]


def _latency(workers: list[Worker], plan: MeasurementPlan) -> dict[Worker, dict[str, list[float]]]:
    logger.info("latency: %d turns of %d images for each model", plan.rounds, plan.turn)
    times: dict[Worker, dict[str, list[float]]] = {worker: {stage: [] for stage in STAGES} for worker in workers}
    for worker in in_turns(workers, plan.rounds):
        for stage, values in worker.ask("latency", plan.turn).items():
            times[worker][stage] += values
    return times


def _throughput(workers: list[Worker], plan: MeasurementPlan) -> dict[Worker, list[dict[str, float]]]:
    logger.info("throughput: %d turns of %d images a request for each model", plan.rounds, plan.turn)
    rates: dict[Worker, list[dict[str, float]]] = {worker: [] for worker in workers}
    for worker in in_turns(workers, plan.rounds):
        rates[worker].append(worker.ask("throughput", plan.turn))
    return rates


def _summary(
    case: Case,
    facts: dict[str, Any],
    times: dict[str, list[float]] | None,
    rates: list[dict[str, float]] | None,
    peak: float,
) -> Measurement:
    macs, parameters = _costs(facts["spec"], case.shape)
    return Measurement(
        model=case.name or case.model,
        precision=case.precision,
        threads=case.threads,
        milliseconds=_stages(times) if times else None,
        pictures_per_s=percentiles([rate["images_per_s"] for rate in rates])["p50"] if rates else None,
        requests=int(rates[0]["requests"]) if rates else None,
        open_s=facts["open_s"],
        compile_s=facts["compile_s"],
        first_ms=facts["first_ms"],
        peak_mib=peak,
        file_mb=file_bytes(find_model(case.model)) / 1e6,
        macs=macs,
        parameters=parameters,
    )


def _stages(times: dict[str, list[float]]) -> dict[str, dict[str, float]]:
    """Percentiles of each stage's milliseconds, and of their sums as "whole"."""
    whole = [sum(parts) for parts in zip(*times.values(), strict=True)]
    return {name: percentiles(values) for name, values in (times | {"whole": whole}).items()}


def file_bytes(path: Path) -> int:
    """Size of a model file, with the weights that lie beside it."""
    beside = {".xml": path.with_suffix(".bin"), ".onnx": path.with_name(f"{path.name}.data")}.get(path.suffix)
    return path.stat().st_size + (beside.stat().st_size if beside and beside.exists() else 0)


@cache
def _costs(spec: str | None, shape: tuple[int, int]) -> tuple[int | None, int | None]:
    """`network_costs` from a process of its own: MindSpore's settings would reach the models measured after it."""
    if spec is None:
        return None, None
    with ProcessPoolExecutor(1, get_context("spawn")) as pool:
        return pool.submit(network_costs, spec, shape).result()
