"""The routes of the server."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse
from fastapi.staticfiles import StaticFiles
from fastapi_offline import FastAPIOffline
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from .. import __version__
from ..common.log import logger
from .refusal import Refusal
from .upload import FORMATS, OUTPUTS, read_order
from .work import Workshop

_PAGE_HEADERS = {  # threads of WebAssembly need a page that is isolated
    "Cross-Origin-Opener-Policy": "same-origin", "Cross-Origin-Embedder-Policy": "require-corp",
}  # fmt: skip
_ANSWERS: dict[int | str, dict] = {
    200: {"content": {kind: {} for kind in FORMATS.values()}, "description": "the picture that was asked for"},
    **{status: {"description": text} for status, text in {
        400: "the form is damaged", 408: "the picture arrived too slowly", 413: "too many bytes or pixels",
        415: "no picture", 422: "an option that there is not", 503: "too much work: come back later"}.items()},
}  # fmt: skip
_PARAMETERS = [
    {"name": "model", "in": "query", "schema": {"type": "string"}, "description": "one of GET /health's models"},
    {"name": "output", "in": "query", "schema": {"enum": list(OUTPUTS)}},
    {"name": "format", "in": "query", "schema": {"enum": list(FORMATS)}},
    {"name": "background", "in": "query", "schema": {"type": "string"}, "description": "blur, white, #rrggbb or r,g,b"},
]
_BODY = {"content": {
    "multipart/form-data": {"schema": {"type": "object", "required": ["file"], "properties": {
        "file": {"type": "string", "format": "binary"}, "background": {"type": "string", "format": "binary"}}}},
    "image/*": {"schema": {"type": "string", "format": "binary"}},
}}  # fmt: skip


class Measures:
    """What `/metrics` tells, in a registry of its own."""

    def __init__(self, inside: Callable[[], int]) -> None:
        self.registry = CollectorRegistry()
        self.requests = Counter(
            "modnet_requests", "Answers of /api/cutout by status", ["status"], registry=self.registry
        )
        self.seconds = Histogram("modnet_seconds", "Time of an answer, from the request's first byte",
                                 buckets=(0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10), registry=self.registry)  # fmt: skip
        Gauge("modnet_inside", "Pictures in work or waiting", registry=self.registry).set_function(inside)


def make_app(workshop: Workshop, page: Path | None = None) -> FastAPI:
    """The application.

    Args:
        workshop: does the work; it is closed when the application stops.
        page: folder with a built page, served at `/`.
    """
    app = FastAPIOffline(title="Portrait matting", version=__version__, lifespan=_lifespan)
    app.state.workshop, app.state.measures = workshop, Measures(lambda: workshop.inside)
    app.add_exception_handler(Refusal, _refused)
    app.add_api_route("/api/cutout", _cutout, methods=["POST"], response_class=Response, responses=_ANSWERS,
                      openapi_extra={"parameters": _PARAMETERS, "requestBody": _BODY})  # fmt: skip
    app.add_api_route("/health", _health)
    app.add_api_route("/ready", _ready)
    app.add_api_route("/metrics", _metrics, response_class=Response)
    if page is not None:
        app.middleware("http")(_isolated)
        app.mount("/", StaticFiles(directory=page, html=True))
    return app


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    logger.info("ready: %s", ", ".join(app.state.workshop.settings.models))
    yield
    await asyncio.to_thread(app.state.workshop.close)


async def _cutout(request: Request) -> Response:
    """A picture in, the person out: as a cut-out, an alpha, or before another background."""
    workshop, measures = request.app.state.workshop, request.app.state.measures
    began, status = time.perf_counter(), 500
    try:
        order = await read_order(request, workshop.settings)
        made = await workshop.make(order)
        status = 200
        return Response(made, media_type=FORMATS[order.format])
    except Refusal as refusal:
        status = refusal.status
        raise
    finally:
        measures.requests.labels(status).inc()
        measures.seconds.observe(time.perf_counter() - began)


async def _refused(_request: Request, refusal: Exception) -> JSONResponse:
    assert isinstance(refusal, Refusal)
    return JSONResponse({"error": refusal.text}, refusal.status, refusal.headers)


async def _health(request: Request) -> dict:
    """The process lives; its version and models."""
    return {"status": "ok", "version": __version__, "models": list(request.app.state.workshop.settings.models)}


async def _ready(request: Request) -> JSONResponse:
    """Whether it takes orders: 200, or 503 while it stops."""
    ready = not request.app.state.workshop.closing
    return JSONResponse({"ready": ready}, 200 if ready else 503)


async def _metrics(request: Request) -> Response:
    """Counters for Prometheus, as text."""
    return Response(generate_latest(request.app.state.measures.registry), media_type=CONTENT_TYPE_LATEST)


async def _isolated(request: Request, answer: Callable[[Request], Awaitable[Response]]) -> Response:
    response = await answer(request)
    response.headers.update(_PAGE_HEADERS)
    return response
