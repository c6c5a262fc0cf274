"""One model in a process of its own: opened, run and timed as it is asked to be."""

import signal
import sys
import time
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from ..common.errors import MattingError
from ..imaging import to_matte
from ..model_file.contract import Contract
from ..runtime.base import Predictor
from ..runtime.factory import open_predictor
from ..runtime.input_size import SHAPE, fix_size
from ..runtime.openvino_runtime import OpenVinoPredictor
from .cases import Case
from .stream import Stream, open_stream

STAGES = ("pre", "inference", "post")
Opener = Callable[..., tuple[Predictor, Contract]]  # takes what `open_predictor` takes; found by name in a new process


class Session:
    """A model ready to be timed, on one image of noise.

    Attributes:
        image: uint8 RGB [H, W, 3] of the case's `source`.
        x: the network's input of the case's `shape`.
        facts: open_s (import of the runtime, reading and, for onnxruntime, optimising), compile_s (for this input;
            None where the runtime does not do so on its own), first_ms (first inference), spec (JSON or None).
    """

    def __init__(self, case: Case, opener: Opener = open_predictor) -> None:
        if case.threads:
            cv2.setNumThreads(case.threads)
        start = time.perf_counter()
        self.predictor, contract = opener(
            case.model, case.device, case.threads, case.precision, device_id=case.device_id, preprocess=case.preprocess
        )
        opened = time.perf_counter()
        fix_size(self.predictor, case.shape, case.model, SHAPE)
        self.case, self.image = case, np.random.default_rng(0).integers(0, 256, (*case.source, 3), np.uint8)
        self.x = self.predictor.prepare(self.image)
        self._stream: Stream | None = None
        compiled = self._compile()
        before = time.perf_counter()
        self.predictor.run(self.x)
        first = time.perf_counter() - before
        self.facts = {"open_s": opened - start, "compile_s": compiled, "first_ms": 1e3 * first, "spec": contract.spec}

    def _compile(self) -> float | None:
        if not isinstance(self.predictor, OpenVinoPredictor):
            return None
        start = time.perf_counter()
        self.predictor.compiled(self.x.shape)
        return time.perf_counter() - start

    def latency(self, images: int) -> dict[str, list[float]]:
        """Milliseconds of each stage for each image, one after another; one before them does not count."""
        times = np.array([self._timed() for _ in range(1 + images)])[1:]
        return {stage: (1e3 * column).tolist() for stage, column in zip(STAGES, times.T, strict=True)}

    def _timed(self) -> np.ndarray:
        """Seconds of each stage for one image, float64 [3]."""
        marks = [time.perf_counter()]
        x = self.predictor.prepare(self.image)
        marks.append(time.perf_counter())
        output = self.predictor.run(x)
        marks.append(time.perf_counter())
        to_matte(output, *self.image.shape[:2])
        marks.append(time.perf_counter())
        return np.diff(marks)

    def throughput(self, images: int) -> dict[str, float]:
        """Images a second through the network, inputs ready, `images` for each of the requests under way."""
        if self._stream is None:
            self._stream = open_stream(self.predictor, self.case, self.x)
        stream = self._stream
        stream.run(stream.requests)
        start, count = time.perf_counter(), images * stream.requests
        stream.run(count)
        return {"requests": stream.requests, "images_per_s": count / (time.perf_counter() - start)}

    def peak_mib(self) -> float:
        """Most memory (MiB) that this process held so far, with Python and the runtime."""
        return peak_mib()


def peak_mib() -> float:
    """As `Session.peak_mib`.

    Linux hands getrusage's figure on from the process that started this one, so it is read from the process's own
    status where there is one.
    """
    try:
        lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM:")) / 1024
    except (OSError, StopIteration):
        import resource  # not on Windows

        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (2**20 if sys.platform == "darwin" else 1024)


def serve(pipe: Connection, case: Case, opener: Opener = open_predictor) -> None:
    """Open a model, send its facts, then answer (name of a `Session` method, arguments) until the pipe is closed.

    A `MattingError` is an answer too, and the last one.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent decides
    try:
        session = Session(case, opener)
        answer: Any = session.facts
        while True:
            pipe.send(answer)
            method, arguments = pipe.recv()
            answer = getattr(session, method)(*arguments)
    except MattingError as error:
        pipe.send(error)
    except (EOFError, BrokenPipeError):  # the parent has finished
        pass
