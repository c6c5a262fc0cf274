"""Throughput: as many images a second as a runtime can, several of them under way at once."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import singledispatch

import numpy as np

from ..common.processes import check_workers
from ..runtime.base import Predictor
from ..runtime.factory import open_predictor
from ..runtime.onnx_runtime import OnnxPredictor
from ..runtime.openvino_runtime import OpenVinoPredictor, import_openvino, openvino_core
from .cases import Case


@dataclass(frozen=True)
class Stream:
    """A way to compute many images.

    Attributes:
        requests: images under way at once.
        run: computes so many images and returns when all are done.
    """

    requests: int
    run: Callable[[int], None]


@singledispatch
def open_stream(predictor: Predictor, case: Case, x: np.ndarray) -> Stream:
    """The runtime's best way to compute many inputs like `x` on the case's device and threads.

    A runtime without a way of its own computes one image at a time.

    Args:
        predictor: an open model.
        case: what it was opened for.
        x: input as `Predictor.prepare` makes it.
    """

    def run(images: int) -> None:
        for _ in range(images):
            predictor.run(x)

    return Stream(1, run)


@open_stream.register
def _openvino(predictor: OpenVinoPredictor, case: Case, x: np.ndarray) -> Stream:
    """Compiled for throughput, with as many asynchronous requests as OpenVINO asks for."""
    ov = import_openvino()
    properties = predictor.properties | {"PERFORMANCE_HINT": "THROUGHPUT"}
    model = predictor.model.clone()
    model.reshape(x.shape)
    queue = ov.AsyncInferQueue(openvino_core().compile_model(model, predictor.device, properties))

    def run(images: int) -> None:
        for _ in range(images):
            queue.start_async({0: x}, share_inputs=True)
        queue.wait_all()

    return Stream(len(queue), run)


@open_stream.register
def _onnxruntime(predictor: OnnxPredictor, case: Case, x: np.ndarray) -> Stream:
    """One request a thread, each computed by that thread."""
    requests, single = check_workers(case.threads), predictor.run  # without threads: one for each core
    if predictor.on_cpu:
        single = open_predictor(case.model, case.device, 1, case.precision, preprocess=case.preprocess)[0].run
    pool = ThreadPoolExecutor(requests)

    def run(images: int) -> None:
        list(pool.map(lambda _: single(x), range(images)))  # the list raises what a request raised

    return Stream(requests, run)
