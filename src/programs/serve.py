"""Answer matting requests over HTTP, and show the page where it is built.

    modnet serve
    modnet serve --model modnet-p-int8 modnet-lite0 --port 8000
    curl -F file=@photo.jpg http://127.0.0.1:8000/api/cutout -o cutout.png

The networks stay open. SIGTERM and Ctrl-C let it finish what is in work. /docs describes the interface.
"""

import argparse
import signal
import socket

from ..common.cli import parse_positive
from ..common.errors import ConfigError
from ..common.log import logger, setup_logging
from ..common.paths import REPOSITORY
from ..model_file.releases import default_name, is_released_name
from ..serve.settings import ServeSettings

_FAST = "modnet-p-int8"
_PAGE = REPOSITORY / "web" / "dist"
_BACKLOG = 2048  # connections that wait to be accepted, as uvicorn has it
_FINISH_SECONDS = 30  # for what is in work when the server is asked to stop


def parse_args() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add = parser.add_argument
    add("--host", default="127.0.0.1", help="address to listen at; 0.0.0.0 for all of this machine's (%(default)s)")
    add("--port", type=int, default=8000, help="0 takes a free one (%(default)s)")
    add("--model", nargs="+", metavar="MODEL", help=f"released names or files, the default first ({_FAST})")
    add("--threads", type=parse_positive, help="threads of the CPU for the network (default: the runtime's choice)")
    add("--workers", type=parse_positive, default=2, help="requests that are worked on at a time (%(default)s)")
    add("--waiting", type=int, default=16, help="requests that may wait besides (%(default)s)")
    add("--max_mb", type=parse_positive, default=32, help="of a request, in MiB (%(default)s)")
    add("--max_megapixels", type=parse_positive, default=50, help="of a picture, in millions (%(default)s)")
    add("--body_seconds", type=parse_positive, default=30, help="for a request to arrive (%(default)s)")
    return parser.parse_args()


def main() -> None:
    """Serve until a signal comes."""
    args = parse_args()
    setup_logging()
    models = args.model or [_FAST if is_released_name(_FAST) else default_name()]
    settings = ServeSettings(
        tuple(models), args.threads, args.workers, args.waiting, args.max_mb << 20, args.max_megapixels * 1_000_000,
        args.body_seconds,
    )  # fmt: skip
    import uvicorn

    from ..serve.app import make_app
    from ..serve.work import Workshop

    app = make_app(Workshop(settings), _PAGE if _PAGE.is_dir() else None)
    config = uvicorn.Config(app, log_config=None, access_log=False, timeout_graceful_shutdown=_FINISH_SECONDS)
    with _listen(args.host, args.port) as listener:
        logger.info("listening at http://%s:%d (interface: /docs)", args.host, listener.getsockname()[1])
        for number in (signal.SIGINT, signal.SIGTERM):  # uvicorn stops and then hands the signal on
            signal.signal(number, lambda *_: None)
        server = uvicorn.Server(config)
        server.run(sockets=[listener])
    if not server.started:
        raise ConfigError("The server did not start; the reason is above.")
    logger.info("stopped")


def _listen(host: str, port: int) -> socket.socket:
    """A socket that listens at that address; ConfigError where that cannot be."""
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        listener = socket.socket(family, socket.SOCK_STREAM)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(_BACKLOG)  # from now on clients wait; uvicorn would refuse them until it has started
    except (OSError, OverflowError) as error:
        reason = getattr(error, "strerror", None) or error
        raise ConfigError(f"Cannot listen at {host}:{port} ({reason}). Give another --port or --host.") from None
    return listener
