"""A run's folder: configuration, log, metrics and checkpoints, with room for every run beside the others."""

import re
import shutil
from pathlib import Path

from ..common.errors import CheckpointError
from ..common.files import claim_folder, make_folder, own_folder, whole_file
from ..common.log import logger

CONFIG_NAME = "config.yml"
_LAST, _BEST = "_last.ckpt", "_best.ckpt"
_BY_STEP = ("MMNet",)  # networks whose numbered checkpoints are known by the step alone


class RunFolder:
    """Paths inside a run's folder.

    `title`, the network's name, begins the names of checkpoints: the zoo's `ckpt/MODNet-<epoch>_<steps>.ckpt`, and
    `ckpt/MMNet-<steps>.ckpt` as MMNet's own programs have it.
    """

    def __init__(self, root: Path, title: str = "MODNet") -> None:
        self.root, self.title = own_folder(root), title
        self.checkpoints = make_folder(root / "ckpt")

    @classmethod
    def create(cls, output_path: str | Path, title: str = "MODNet") -> "RunFolder":
        """`output_path`, or `output_path-2`, `-3`, ... where another run lies there, or began just now."""
        root = claim_folder(output_path, (CONFIG_NAME,))
        if root != Path(output_path):
            logger.info("%s holds another run, which stays as it is: this run goes to %s", output_path, root)
        return cls(root, title)

    @property
    def config(self) -> Path:
        """The resolved configuration."""
        return self.root / CONFIG_NAME

    @property
    def log(self) -> Path:
        """What the run said."""
        return self.root / "train.log"

    @property
    def metrics(self) -> Path:
        """One row for each log line and each validation."""
        return self.root / "metrics.csv"

    @property
    def curve(self) -> Path:
        """Losses and scores as an image."""
        return self.root / "loss.png"

    @property
    def last(self) -> Path:
        """The checkpoint that a resumed run goes on from."""
        return self.checkpoints / (self.title + _LAST)

    @property
    def best(self) -> Path:
        """The checkpoint with the lowest validation MSE."""
        return self.checkpoints / (self.title + _BEST)

    def epoch(self, epoch: int, step: int) -> Path:
        """A checkpoint that is kept at this epoch and step."""
        number = step if self.title in _BY_STEP else f"{epoch}_{step}"
        return self.checkpoints / f"{self.title}-{number}.ckpt"

    def sheet(self, epoch: int) -> Path:
        """Validation images of an epoch to look at."""
        return make_folder(self.root / "sheets") / f"epoch_{epoch:03d}.png"

    def adopt_best(self, earlier: Path) -> None:
        """Copy the best checkpoint of the run that is continued, whose score this run has to beat."""
        best = earlier / self.best.name
        if best.is_file():
            with whole_file(self.best) as temporary:
                shutil.copyfile(best, temporary)

    def prune(self, keep: int) -> None:
        """Remove the oldest interval checkpoints of this run so that `keep` stay; last and best are not counted."""
        name = re.compile(re.escape(self.title) + r"-(?:\d+_)?(\d+)\.ckpt$")
        found = sorted((int(match[1]), path) for path in self.checkpoints.iterdir() if (match := name.match(path.name)))
        for _, path in found[:-keep]:
            path.unlink()


def find_resumable(resume: str) -> Path:
    """The checkpoint that `--resume` means: itself, or the last one of a run's folder (or of its `output`)."""
    path = Path(resume)
    if path.is_file():
        return path
    folders = [path / "ckpt", path, path / "output" / "ckpt"]
    for folder in folders:
        if found := sorted(folder.glob("*" + _LAST)):
            return found[0]
    places = ", ".join(str(folder / f"*{_LAST}") for folder in folders)
    raise CheckpointError(
        f"Nothing to resume at {resume}: looked for {places}. Give the folder of a run "
        "(its --output_path) or one of the checkpoints in its ckpt/."
    )
