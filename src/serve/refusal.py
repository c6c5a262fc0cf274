"""A request that is not answered with a picture."""


class Refusal(Exception):
    """What the client is told, as JSON `{"error": text}`.

    Attributes:
        status: of HTTP.
        text: what came, what was expected, how to mend it.
        headers: further ones of the answer.
    """

    def __init__(self, status: int, text: str, headers: dict[str, str] | None = None) -> None:
        super().__init__(text)
        self.status, self.text, self.headers = status, text, headers or {}
