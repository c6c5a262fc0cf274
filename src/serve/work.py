"""The work on orders: few at a time, few waiting, the rest sent away at once."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO

from ..common.errors import DataError, MattingError
from ..common.text import nearest
from ..imaging import to_uint8
from ..imaging.formats import MAX_PIXELS
from ..imaging.pillow import open_pillow
from ..inference.matting import Matting
from .refusal import Refusal
from .settings import ServeSettings
from .upload import Order

_AGAIN = {"Retry-After": "1"}  # seconds; a picture takes tens of milliseconds
_PIL_NAMES = {"png": ("PNG", {"compress_level": 1}), "webp": ("WEBP", {"quality": 90, "method": 2}),
              "jpg": ("JPEG", {"quality": 92})}  # fmt: skip


class Workshop:
    """The networks of a server and the threads that work on orders.

    Attributes:
        inside: orders that are worked on or wait.
    """

    def __init__(self, settings: ServeSettings) -> None:
        self.settings, self.inside, self.closing = settings, 0, False
        self._mattings = {name: Matting(name, threads=settings.threads) for name in settings.models}
        self._threads = ThreadPoolExecutor(settings.workers, thread_name_prefix="matting")

    async def make(self, order: Order) -> bytes:
        """The picture that an order asks for, encoded.

        Raises:
            Refusal: 503 there are too many orders, or the server stops; 422 no such model; 413 too many pixels; 415 or
                422 what was sent is no picture, or one that no network takes.
        """
        if self.closing:
            raise Refusal(503, "The server is stopping. Try again later.", _AGAIN)
        if self.inside >= self.settings.workers + self.settings.waiting:
            raise Refusal(503, f"{self.inside} pictures are in work already. Try again in a second.", _AGAIN)
        self.inside += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, self._make, order)
        finally:
            self.inside -= 1

    def close(self) -> None:
        """Finish what is in work, take nothing more."""
        self.closing = True
        self._threads.shutdown()

    def _make(self, order: Order) -> bytes:
        from PIL import Image

        matting, kind = self._matting(order.wish.model), order.format
        self._check_pixels(order.picture)
        try:
            if order.output == "cutout":
                made = matting.cutout(order.picture)
            elif order.output == "alpha":
                made = Image.fromarray(to_uint8(matting.alpha(order.picture)), "L")
            else:
                made = matting.composite(order.picture, self._background(order))
        except MattingError as error:
            raise Refusal(422, str(error)) from None
        name, options = _PIL_NAMES[kind]
        written = BytesIO()
        made.save(written, name, **options)
        return written.getvalue()

    def _matting(self, name: str) -> Matting:
        known = self.settings.models
        if name and name not in known:
            raise Refusal(
                422, f"There is no model '{name[:80]}' here; there are {', '.join(known)}.{nearest(name, known)}"
            )
        return self._mattings[name or known[0]]

    def _background(self, order: Order) -> str | bytes:
        if order.background is None:
            return order.wish.background or "blur"
        self._check_pixels(order.background)
        return order.background

    def _check_pixels(self, content: bytes) -> None:
        """Refusal for what is no picture (415) or has too many pixels (413); nothing is decoded."""
        try:
            width, height = open_pillow(content, "the picture", MAX_PIXELS).size
        except DataError as error:
            raise Refusal(415, str(error)) from None
        if width * height > self.settings.max_pixels:
            raise Refusal(413, f"The picture has {width}x{height} pixels, at most {self.settings.max_pixels} are "
                               "taken. Send a smaller one.")  # fmt: skip
