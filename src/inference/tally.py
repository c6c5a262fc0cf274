"""What became of the entries of a run, counted, and named where nothing became of them."""

from dataclasses import dataclass, field
from pathlib import Path

from ..common.log import logger
from ..common.text import count_of
from .sources import LeftOut

_NAMED = 5


@dataclass
class Tally:
    """Counts of one run.

    Attributes:
        images: that were matted.
        videos: the same.
        there: whose results were there already.
        left_out: that were not matted, in the order found, and why.
    """

    images: int = 0
    videos: int = 0
    there: int = 0
    left_out: list[LeftOut] = field(default_factory=list)

    @property
    def status(self) -> int:
        """The exit status: 1 where something was not done."""
        return 1 if self.left_out else 0

    def leave_out(self, item: LeftOut) -> None:
        """Count an entry that is not matted, and say why at once."""
        self.left_out.append(item)
        logger.warning("left out: %s", item.reason)

    def log(self, seconds: float, place: str | Path) -> None:
        """The last line: what was done, and what was not and why."""
        done = [count_of(self.images, "image")] if self.images or not self.videos else []
        done += [count_of(self.videos, "video")] if self.videos else []
        there = f" ({self.there} there already)" if self.there else ""
        text = f"{' and '.join(done)} in {seconds:.1f} s{there}, results in {place}"
        if not self.left_out:
            logger.info("%s", text)
            return
        total = self.images + self.videos + self.there + len(self.left_out)
        named = "; ".join(item.reason.split(". ")[0].rstrip(".") for item in self.left_out[:_NAMED])
        more = f"; and {len(self.left_out) - _NAMED} more, named above" if len(self.left_out) > _NAMED else ""
        logger.warning("%s; %d of %d not done: %s%s", text, len(self.left_out), total, named, more)
