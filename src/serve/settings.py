"""What a server is started with."""

from dataclasses import dataclass

from ..common.errors import ConfigError


@dataclass(frozen=True)
class ServeSettings:
    """Networks and limits of a server; ConfigError for numbers that make no sense.

    Attributes:
        models: released names or model files that clients may choose by name, the default first.
        threads: of the CPU for the network; None leaves them to the runtime.
        workers: requests that are worked on at a time; the network takes one of them at a time.
        waiting: requests that may wait besides; one more is told to come back later.
        max_bytes: of a request's body.
        max_pixels: of a picture.
        body_seconds: within which a request's body must have arrived.
    """

    models: tuple[str, ...]
    threads: int | None = None
    workers: int = 2
    waiting: int = 16
    max_bytes: int = 32 << 20
    max_pixels: int = 50_000_000
    body_seconds: float = 30.0

    def __post_init__(self) -> None:
        for name in ("workers", "max_bytes", "max_pixels", "body_seconds"):
            if not getattr(self, name) > 0:
                raise ConfigError(f"`{name}` must be above 0, got {getattr(self, name)}.")
        if self.waiting < 0:
            raise ConfigError(f"`waiting` must be at least 0, got {self.waiting}.")
        if not self.models or len(set(self.models)) < len(self.models):
            raise ConfigError("Name one model or several different ones as --model.")
