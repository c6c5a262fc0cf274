"""Throughput: as many images a second as a runtime can, several of them under way at once."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from ..common.processes import check_workers
from ..runtime.base import Predictor
from ..runtime.factory import open_predictor
from ..runtime.onnx_runtime import OnnxPredictor
from ..runtime.openvino_runtime import OpenVinoPredictor, import_openvino, openvino_core
from .cases import Case


@dataclass(frozen=True)
class Stream:
    """
    Attributes:
        requests: images under way at once.
        run: computes so many images and returns when all are done.
    """

    requests: int
    run: Callable[[int], None]


def open_stream(predictor: Predictor, case: Case, x: np.ndarray) -> Stream:
    """The runtime's best way to compute many inputs like `x` on the case's device and threads.

    OpenVINO: compiled for throughput, with as many asynchronous requests as it asks for. onnxruntime: one request a
    thread, each computed by that thread. Others compute one image at a time.
    """
    if isinstance(predictor, OpenVinoPredictor):
        return _openvino(predictor, x)
    if isinstance(predictor, OnnxPredictor):
        return _onnx(predictor, case, x)

    def run(pictures: int) -> None:
        for _ in range(pictures):
            predictor.run(x)

    return Stream(1, run)


def _openvino(predictor: OpenVinoPredictor, x: np.ndarray) -> Stream:
    ov = import_openvino()
    properties = predictor.properties | {"PERFORMANCE_HINT": "THROUGHPUT"}
    model = predictor.model.clone()
    model.reshape(x.shape)
    queue = ov.AsyncInferQueue(openvino_core().compile_model(model, predictor.device, properties))

    def run(pictures: int) -> None:
        for _ in range(pictures):
            queue.start_async({0: x}, share_inputs=True)
        queue.wait_all()

    return Stream(len(queue), run)


def _onnx(predictor: OnnxPredictor, case: Case, x: np.ndarray) -> Stream:
    requests = check_workers(case.threads)  # None: one for each core
    if predictor.on_cpu:
        predictor, _ = open_predictor(case.model, case.device, 1, case.precision, preprocess=case.preprocess)
    pool = ThreadPoolExecutor(requests)

    def run(pictures: int) -> None:
        list(pool.map(lambda _: predictor.run(x), range(pictures)))  # the list raises what a request raised

    return Stream(requests, run)
