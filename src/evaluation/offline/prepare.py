"""First link of the chain: images become network inputs."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ...common.errors import DataError
from ...common.log import logger
from ...common.progress import track
from ...runtime.base import InputForm, Predictor, make_input, prepare_file
from ...spec.preprocess import Preprocess
from .store import InputWriter, Source


@dataclass(frozen=True)
class InputRecipe:
    """How images become the inputs of a network; of one size where `form` says it."""

    preprocess: Preprocess
    form: InputForm

    @classmethod
    def of(cls, predictor: Predictor) -> "InputRecipe":
        """What a model takes."""
        return cls(predictor.preprocess, predictor.form)

    def make(self, image: np.ndarray) -> np.ndarray:
        """Image uint8 RGB [H, W, 3] -> input [1, 3, h, w] or [1, h, w, 3], float32 normalised or uint8."""
        return make_input(image, self.preprocess, self.form)


# What configs/MMNet.yml trains and scores with, in the form that compiled networks of MMNet's users take.
MMNET = Preprocess(mean=(0.0, 0.0, 0.0), std=(1.0, 1.0, 1.0), ref_size=(256, 256))
MMNET_RECIPE = InputRecipe(MMNET, InputForm(channels_last=True))


def prepare(sources: Sequence[Source], recipe: InputRecipe, writer: InputWriter, leave_out: bool = False) -> list[str]:
    """Write the input of every image.

    Args:
        sources: The images.
        recipe: How they become inputs.
        writer: Where they go.
        leave_out: Report an image that cannot be used and go on, instead of raising.

    Returns:
        Names of the images that are written.

    Raises:
        DataError: an image cannot be used; with `leave_out`, not one of them can.
        OutputError: a file cannot be written.
    """
    written = []
    for source in track(sources, "image", lines=True):
        try:
            image, alpha = source.read()
            x = prepare_file(recipe.make, image, source.image)
        except DataError as error:
            if not leave_out:
                raise
            logger.warning("left out: %s", error)
        else:
            writer.write(source.name, x, alpha)
            written.append(source.name)
    if not written:
        raise DataError(f"Not one image of {len(sources)} can be used; the lines above say why.")
    writer.finish()
    return written
