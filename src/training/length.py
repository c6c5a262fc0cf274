"""How long a run is."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Length:
    """Steps of an epoch, epochs, and images of a step on all devices."""

    steps: int
    epochs: int
    images: int

    @property
    def total(self) -> int:
        """Steps of the whole run."""
        return self.steps * self.epochs
