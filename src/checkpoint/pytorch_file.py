"""PyTorch files in, MindSpore checkpoints out: the part of the conversion that needs both frameworks."""

from dataclasses import replace
from pathlib import Path

import mindspore as ms
import numpy as np
from mindspore import nn

from ..common.errors import CheckpointError
from ..common.files import make_folder
from ..models.backbones import backbones
from ..models.build import Encoder, build_network
from ..spec.modnet import ModNetSpec
from .conversion import Conversion
from .file import Meta, file_source, load_weights, read_checkpoint, save_checkpoint

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


def read_state_dict(path: Path) -> dict[str, np.ndarray]:
    """Tensors of a PyTorch file by name, as float32 arrays.

    It is read with `weights_only`, so that a malicious pickle is refused, not executed.
    """
    try:
        import torch
    except ImportError as error:
        raise CheckpointError("Reading a PyTorch file needs PyTorch. Run: pip install torch==2.13.0") from error
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # torch raises many types for truncated, foreign and malicious files
        raise CheckpointError(
            f"{path} is no plain PyTorch state dict ({type(error).__name__}): it is truncated, of another program, or "
            "holds code, which is refused. Save it with torch.save(network.state_dict(), PATH)."
        ) from error
    if isinstance(content, dict) and isinstance(content.get("state_dict"), dict):
        content = content["state_dict"]
    named = isinstance(content, dict) and all(isinstance(name, str) for name in content)
    if not named or not all(isinstance(value, torch.Tensor) for value in content.values()):
        raise CheckpointError(f"{path} holds no state dict (a mapping of names to tensors). Save network.state_dict().")
    # Parameters still require gradients, and numpy has no bfloat16.
    return {name: value.detach().to(torch.float32).numpy() for name, value in content.items()}


def write_conversion(conversion: Conversion, source: Path, output: Path) -> None:
    """Load the tensors into a real network (a name that does not fit is an error), save, and read back."""
    network, meta = _network_of(conversion)
    weights = {name: ms.Parameter(ms.Tensor(array)) for name, array in conversion.state.items()}
    load_weights(network, weights, source.name)
    make_folder(output.parent)
    save_checkpoint(output, dict(weights), replace(meta, source=file_source(source)))
    written = read_checkpoint(output).weights
    wrong = [name for name, array in conversion.state.items() if not np.array_equal(written[name].asnumpy(), array)]
    if wrong:
        raise CheckpointError(f"{output} does not read back as it was written ({wrong[0]}, ...). Check the disk.")


def _network_of(conversion: Conversion) -> tuple[nn.Cell, Meta]:
    """The network or encoder that a conversion's tensors are of, and its description."""
    spec = conversion.spec
    if isinstance(spec, ModNetSpec):
        return build_network(spec), Meta(conversion.network, spec.encoder.name, spec)
    encoder = Encoder(spec)
    encoder.update_parameters_name("encoder.")
    return encoder, Meta(conversion.network, spec.name, None)
