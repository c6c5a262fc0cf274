"""PyTorch files in, MindSpore checkpoints out: the part of the conversion that needs both frameworks."""

import json
from dataclasses import replace
from functools import cache
from pathlib import Path

import mindspore as ms
import numpy as np
from mindspore import nn

from ..common.errors import CheckpointError
from ..common.files import make_folder, read_text
from ..common.log import logger
from ..common.text import first_few
from ..models.backbones import backbones
from ..models.build import Encoder, build_network
from ..spec.modnet import ModNetSpec
from .conversion import Conversion, PruneInfo, convert, recognise, takes_prune_info
from .file import Checkpoint, Meta, file_source, load_weights, read_checkpoint, save_checkpoint
from .pytorch_content import read_state_dict

DOWNLOADS = "https://drive.google.com/drive/folders/1umYmlCulvIFNaqPjwod1SayFmSRHziyR"


def locate_input(name: str) -> Path:
    """The file to convert; a backbone's name finds the one inside its package."""
    weights = {backbone.name: backbone.pretrained for backbone in backbones()}
    located = {known: one.locate for known, one in weights.items() if one is not None and one.locate is not None}
    if name in located:
        return located[name]()
    path = Path(name)
    if not path.is_file():
        others = " or ".join(f"python get_init_weight.py --input {known}" for known in located)
        raise CheckpointError(
            f"No file at {path}. Download mobilenetv2_human_seg.ckpt (or a MODNet checkpoint) from {DOWNLOADS} into "
            f"pretrained/, or use an ImageNet encoder instead: {others}"
        )
    return path


def default_output(source: Path) -> Path:
    """Where train.py looks for a converted file: where a backbone says, else under the model zoo's kind of name."""
    for backbone in backbones():
        weights = backbone.pretrained
        if weights is not None and weights.original and source.stem.startswith(weights.original):
            return weights.path
    return Path("pretrained") / f"mindspore_{source.stem}.ckpt"


def read_prune_info(path: str | Path) -> PruneInfo:
    """ModelCompression's side file; CheckpointError where it cannot be read."""
    try:
        info = json.loads(read_text(path))
    except (OSError, ValueError, RecursionError) as error:
        raise CheckpointError(f"Cannot read the prune info {path}: {error}") from error
    if not isinstance(info, dict):
        raise CheckpointError(f"Cannot read the prune info {path}: expected is an object, got {type(info).__name__}.")
    return info


def checkpoint_of(path: Path) -> Checkpoint:
    """A PyTorch file as the checkpoint that get_init_weight.py would make of it; nothing is written.

    A network that ModelCompression pruned needs its JSON beside it, with the same stem.

    Raises:
        CheckpointError: it is damaged or foreign, holds code, or lacks that JSON; or PyTorch is not installed.
    """
    side = path.with_suffix(".json")
    state = read_state_dict(path)
    try:
        kind = recognise(list(state))
        takes = takes_prune_info(kind)
        info = read_prune_info(side) if takes and side.is_file() else {}
        conversion = convert(state, kind, info if "new_cfg" in info else None)
    except CheckpointError as error:
        raise CheckpointError(
            f"{path} is a PyTorch file that is not converted on the fly: {error} See also `python get_init_weight.py "
            "--input FILE --output OUT.ckpt`."
        ) from error
    if conversion.problems:
        missing = f" A pruned network needs its JSON beside it: {side}." if takes and not info else ""
        raise CheckpointError(
            f"{path} is a PyTorch file that does not fit the '{kind}' naming: {first_few(list(conversion.problems))}."
            f"{missing}"
        )
    _say(path, kind, len(conversion.state), side.name if info else None)
    meta = replace(_description(conversion), source=file_source(path))
    weights = {name: ms.Parameter(ms.Tensor(array)) for name, array in conversion.state.items()}
    return Checkpoint(path, meta, weights, {})


@cache
def _say(path: Path, kind: str, tensors: int, side: str | None) -> None:
    """Once for each file, however often a program reads it."""
    beside = f", with {side} beside it" if side else ""
    logger.info("%s is a PyTorch file: %d tensors converted on the fly as '%s'%s", path, tensors, kind, beside)


def write_conversion(conversion: Conversion, source: Path, output: Path) -> None:
    """Load the tensors into a real network (a name that does not fit is an error), save, and read back."""
    network, meta = _network_of(conversion), _description(conversion)
    weights = {name: ms.Parameter(ms.Tensor(array)) for name, array in conversion.state.items()}
    load_weights(network, weights, source.name)
    make_folder(output.parent)
    save_checkpoint(output, dict(weights), replace(meta, source=file_source(source)))
    written = read_checkpoint(output).weights
    wrong = [name for name, array in conversion.state.items() if not np.array_equal(written[name].asnumpy(), array)]
    if wrong:
        raise CheckpointError(f"{output} does not read back as it was written ({wrong[0]}, ...). Check the disk.")


def _description(conversion: Conversion) -> Meta:
    """What the checkpoint of a conversion says of itself."""
    spec = conversion.spec
    if isinstance(spec, ModNetSpec):
        return Meta(conversion.network, spec.encoder.name, spec)
    return Meta(conversion.network, spec.name, None)


def _network_of(conversion: Conversion) -> nn.Cell:
    """The network or encoder that a conversion's tensors are of."""
    spec = conversion.spec
    if isinstance(spec, ModNetSpec):
        return build_network(spec)
    encoder = Encoder(spec)
    encoder.update_parameters_name("encoder.")
    return encoder
