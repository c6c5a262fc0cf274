"""Things that are in order, small, and made once: what the generators damage."""

import shutil
from dataclasses import dataclass
from pathlib import Path
from unittest import mock

from src.data.builders.clip import Clip, make_clip
from src.data.builders.synthetic.series import Series, write_series
from src.deploy.export import export
from src.deploy.options import ExportOptions
from src.spec.preprocess import Preprocess
from tests.support.narrow import save_narrow
from tests.support.programs import ROOT, tiny_values, write_yaml

PHOTO = ROOT / "docs" / "astronaut.jpg"
_SIZES = ((1, 64, 64), (3, 64, 96))  # that exported files are compared at


@dataclass(frozen=True)
class World:
    """Paths.

    Attributes:
        dataset: six training and two validation portraits, in P3M-10k's folders.
        checkpoint, onnx, xml: the narrow network.
        config: YAML that trains it on the data set.
        clip: a video of six frames.
        photo: a JPEG of a person, 64x64.
    """

    dataset: Path
    checkpoint: Path
    onnx: Path
    xml: Path
    config: Path
    clip: Path
    photo: Path

    @property
    def images(self) -> Path:
        """The validation images."""
        return self.dataset / "validation" / "P3M-500-P" / "blurred_image"

    @property
    def alphas(self) -> Path:
        """Their alphas."""
        return self.dataset / "validation" / "P3M-500-P" / "mask"


def make_world(folder: Path) -> World:
    """All of it, in some seconds."""
    dataset = folder / "set"
    write_series(Series(train=6, validation=2, size=80, seed=3), dataset, workers=1)
    checkpoint = save_narrow(folder / "narrow.ckpt", preprocess=Preprocess(ref_size=64))
    with mock.patch("src.deploy.parity._SIZES", _SIZES):
        onnx = export(checkpoint, "ONNX", folder, ExportOptions())[0][0]
        xml = export(checkpoint, "OPENVINO", folder, ExportOptions())[0][0]
    config = write_yaml(folder / "tiny.yml", tiny_values(dataset, checkpoint))
    photo = folder / "photo.jpg"
    shutil.copyfile(next(iter(sorted((dataset / "train" / "blurred_image").iterdir()))), photo)
    make_clip(photo, None, folder / "clip.mp4", Clip(frames=6, size=64))
    return World(dataset, checkpoint, onnx, xml, config, folder / "clip.mp4", photo)
