"""Images without alpha, by number: of a folder, a video, or a mixture of them."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from ..common.errors import ConfigError, DataError
from ..common.log import logger
from ..common.text import natural_order
from ..config.dataset import UNLABELLED, DatasetSpec
from ..imaging import image_size
from ..imaging.video import VideoReader
from ..spec.preprocess import Preprocess
from .pairs import files_by_stem
from .samples import check_transforms
from .streams import sample_rng
from .transforms import Sample

MULTIPLE = Preprocess.multiple
MOST_BYTES = 4 << 30  # of a video's frames, which stay in memory


class UnlabelledSamples:
    """The samples of a section named 'unlabelled', after its transforms; only 'image' is in them.

    A video's frames are decoded here, once, and held in memory: random access to a compressed video costs the
    decoding of a second of it for each frame. Worker processes, being forks, share them.
    """

    fields: tuple[str, ...] = ("image",)

    def __init__(self, spec: DatasetSpec, seed: int = 0) -> None:
        """Raises ConfigError for another section or unfit transforms, DataError for a source that cannot be used."""
        self.spec, self.seed = spec, seed
        if spec.name != UNLABELLED:
            raise ConfigError(
                f"`soc` learns from images without alpha, but the train_dataset's name is '{spec.name}'. Use "
                f"`name: {UNLABELLED}`, as configs/SOC.yml does."
            )
        self._transforms = check_transforms(spec, training=True)
        self._entries = [entry for part in spec.parts() for entry in _entries(part)]

    def __len__(self) -> int:
        return len(self._entries)

    def sample(self, index: int, rng: np.random.Generator | None = None, batch_draw: float | None = None) -> Sample:
        """Load and transform one sample; see `src.data.samples.MattingSamples.sample`."""
        sample = dict(self._entries[index])
        if batch_draw is not None:
            sample["batch_draw"] = batch_draw
        return self._transforms(sample, rng or sample_rng(self.seed, 0, index))


def _entries(spec: DatasetSpec) -> list[Sample]:
    """Where each image of one folder or video is, or its pixels."""
    folder = spec.source.is_dir()
    entries = _images(spec.source)[: spec.limit] if folder else _video(spec.source, spec.every, spec.limit)
    logger.info("%d %s of %s", len(entries), "images" if folder else "frames", spec.source)
    return entries


def _images(folder: Path) -> list[Sample]:
    files = files_by_stem(folder)
    for path in files.values():
        _check_size(str(path), *image_size(path))
    return [{"name": name, "image_path": str(files[name])} for name in natural_order(files)]


def _video(path: Path, every: int, limit: int | None) -> list[Sample]:
    """Each `every`-th frame of a video, at most `limit` of them; DataError where that makes fewer than two."""
    if not path.is_file():
        raise DataError(f"There is no folder of images and no video at '{path}'. Fix `dataset_root`.")
    frames = list(_frames(path, every, limit))
    if len(frames) < 2:
        raise DataError(
            f"The video '{path}' gives {len(frames)} frames with `every: {every}` and `limit: {limit}`: too few to "
            "adapt to. Lower `every`, use a longer video, or put single images into a folder."
        )
    return frames


def _frames(path: Path, every: int, limit: int | None) -> Iterator[Sample]:
    reader = VideoReader(path)
    try:
        number, taken = 0, 0
        while (limit is None or taken < limit) and (frame := reader.read()) is not None:
            if number % every == 0:
                height, width = frame.shape[:2]
                _check_size(f"{path}, frame {number}", height, width)
                yield {"name": f"{path.stem}-{number:06d}", "image": frame}
                taken += 1
                _check_memory(path, taken, frame.nbytes)
            number += 1
        if taken != limit and reader.cut_short(number):
            logger.warning("%s is damaged: %d of its %d frames can be read", path, number, reader.frames)
    finally:
        reader.close()


def _check_memory(path: Path, frames: int, frame_bytes: int) -> None:
    if frames * frame_bytes > MOST_BYTES:
        raise DataError(
            f"The first {frames} frames taken of '{path}' fill the {MOST_BYTES >> 30} GiB that a video may. Raise "
            "`every` (frames that follow one another are nearly alike), or set a `limit`."
        )


def _check_size(what: str, height: int, width: int) -> None:
    if min(height, width) < MULTIPLE:
        raise DataError(
            f"'{what}' is {width}x{height} (width x height): the network needs sides of at least {MULTIPLE} pixels. "
            "Remove it, or use larger images."
        )
