"""A request taken apart: the picture's bytes, and what is asked for."""

import asyncio
from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass, fields

from starlette.datastructures import FormData, UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import ClientDisconnect, Request

from ..common.text import nearest
from ..inference.backgrounds import BLUR, parse_color
from .refusal import Refusal
from .settings import ServeSettings

FORMATS = {"png": "image/png", "webp": "image/webp", "jpg": "image/jpeg"}
OUTPUTS = ("cutout", "alpha", "composite")


@dataclass(frozen=True)
class Wish:
    """What a client asks for; Refusal (422) for what there is not.

    Attributes:
        model: a name among the server's models; empty for its first.
        output: cutout, alpha or composite; empty is composite where there is a background, else cutout.
        format: png, webp or jpg; empty is png.
        background: "blur" or a colour; empty where it comes as a picture, or not at all.
    """

    model: str = ""
    output: str = ""
    format: str = ""
    background: str = ""

    def __post_init__(self) -> None:
        for name, value, known in (("output", self.output, OUTPUTS), ("format", self.format, FORMATS)):
            if value and value not in known:
                raise Refusal(422, f"`{name}` must be one of {', '.join(known)}, got '{value}'.{nearest(value, known)}")
        if self.background and self.background != BLUR and parse_color(self.background) is None:
            raise Refusal(422, f"`background` must be {BLUR}, a colour (white, #rrggbb or r,g,b) or a picture sent as "
                               f"the multipart field `background`, got '{self.background[:80]}'.")  # fmt: skip


@dataclass(frozen=True)
class Order:
    """A picture's bytes, a background's bytes where one was sent, and the wish."""

    picture: bytes
    background: bytes | None
    wish: Wish

    @property
    def output(self) -> str:
        """What is to be made: cutout, alpha or composite."""
        behind = self.background is not None or self.wish.background
        return self.wish.output or ("composite" if behind else "cutout")

    @property
    def format(self) -> str:
        """How it is to be written; Refusal (422) for a cut-out as JPEG, which has no transparency."""
        if self.wish.format == "jpg" and self.output == "cutout":
            raise Refusal(422, "A cut-out has transparent pixels, which jpg cannot hold: ask for png or webp, or name "
                               "a background.")  # fmt: skip
        return self.wish.format or "png"


async def read_order(request: Request, settings: ServeSettings) -> Order:
    """The order of a request, multipart (field `file`) or with the picture as its body.

    Raises:
        Refusal: 408 too slow, 413 too large, 415 no multipart form and no picture, 422 unknown wishes, 400 damaged.
    """
    try:
        async with asyncio.timeout(settings.body_seconds):
            return await _read(request, settings)
    except TimeoutError:
        raise Refusal(
            408, f"The picture did not arrive within {settings.body_seconds:g} s. Send a smaller one."
        ) from None
    except ClientDisconnect:
        raise Refusal(400, "The connection was closed before the picture had arrived.") from None


async def _read(request: Request, settings: ServeSettings) -> Order:
    body = _limited(request, settings.max_bytes)
    if not request.headers.get("content-type", "").startswith("multipart/form-data"):
        picture = b"".join([part async for part in body])
        return Order(_given(picture), None, _wish(request.query_params))
    try:
        form = await MultiPartParser(request.headers, body, max_files=2, max_part_size=4096).parse()
    except (MultiPartException, KeyError) as error:
        raise Refusal(400, f"The multipart form cannot be read: {error}.") from None
    try:
        sent, behind = await _content(form, "file"), await _content(form, "background")
        texts = {name: value for name, value in form.items() if isinstance(value, str)}
        return Order(_given(sent), behind, _wish({**request.query_params, **texts}))
    finally:
        await form.close()


async def _limited(request: Request, most: int) -> AsyncGenerator[bytes, None]:
    """The body piece by piece; Refusal (413) as soon as it is known to be larger than `most` bytes."""
    announced, arrived = request.headers.get("content-length", "0"), 0
    large = Refusal(413, f"The request has more than {most} bytes. Send a smaller picture.", {"Connection": "close"})
    if announced.isdecimal() and int(announced) > most:
        raise large
    async for part in request.stream():
        arrived += len(part)
        if arrived > most:
            raise large
        yield part


async def _content(form: FormData, name: str) -> bytes | None:
    sent = form.get(name)
    return await sent.read() if isinstance(sent, UploadFile) else None


def _given(picture: bytes | None) -> bytes:
    if not picture:
        raise Refusal(415, "There is no picture. Send it as the request's body, or as the field `file` of a multipart "
                           "form: curl -F file=@photo.jpg http://HOST:PORT/api/cutout -o cutout.png")  # fmt: skip
    return picture


def _wish(texts: Mapping[str, str]) -> Wish:
    known = [field.name for field in fields(Wish)]
    for name in texts:
        if name not in known:
            raise Refusal(422, f"There is no option `{name[:80]}`; there are {', '.join(known)}.{nearest(name, known)}")
    return Wish(**texts)
