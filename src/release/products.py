"""What trained checkpoints are released as: small files, named as people will call them."""

from dataclasses import dataclass, replace
from pathlib import Path

from ..checkpoint.file import file_source, load_network, read_checkpoint, save_checkpoint
from ..common.errors import ExportError
from ..common.log import logger
from ..model_file.releases import ReleasedFile, ReleasedModel
from ..models.costs import count
from ..quant.files import files_of
from ..quant.options import QuantizationJob, Variant
from ..quant.run import quantise
from .options import Recipe

SIZE = 512


@dataclass(frozen=True)
class Deployed:
    """A deployed form of a network: how quantize.py makes it, what it is called then, and how large it may be."""

    name: str
    what: str
    variant: Variant
    most_mb: float

    @property
    def file(self) -> str:
        """Name of the file to open."""
        return self.name + self.variant.backend.suffix


@dataclass(frozen=True)
class Product:
    """A network: its checkpoint with float16 weights, at most `most_mb` * 10^6 bytes, and its deployed forms."""

    name: str
    what: str
    most_mb: float
    deployed: tuple[Deployed, ...]

    @property
    def files(self) -> list[str]:
        """Names of the files to open."""
        return [f"{self.name}.ckpt", *(form.file for form in self.deployed)]


def _product(name: str, what: str, most_mb: float, *int8: Variant) -> Product:
    """Checkpoint, one ONNX file with float16 weights, which OpenVINO opens too, and int8 files."""
    half = Deployed(name, what, Variant("fp16", "onnxruntime"), most_mb)
    eight = [Deployed(f"{name}-int8", f"{name} in 8 bits", variant, 3) for variant in int8]
    return Product(name, what, most_mb, (half, *eight))


# The best comes first: it is what infer.py takes unless told otherwise.
PRODUCTS = {
    "dense": _product("modnet-lite0", "MODNet, EfficientNet-Lite0", 20),
    "pruned": _product("modnet-p", "MODNet, pruned and distilled", 4, Variant("int8", "onnxruntime")),
    "mmnet": _product("mmnet", "MMNet", 4, Variant("int8", "openvino")),
}


def release_checkpoint(source: Path, target: Path, ref_size: int | None = None, ref_side: str | None = None) -> None:
    """Store a trained checkpoint's weights as float16, without its training state; sizes as in `Recipe`."""
    checkpoint = read_checkpoint(source)
    meta = checkpoint.meta
    own = meta.preprocess
    preprocess = replace(own, ref_size=ref_size or own.ref_size, ref_side=ref_side or own.ref_side)
    meta = replace(meta, preprocess=preprocess, source=meta.source | file_source(source), train={})
    save_checkpoint(target, checkpoint.weights, meta, half=True)


def build(product: Product, source: Path, folder: Path, recipe: Recipe) -> list[ReleasedModel]:
    """Make all files of a product in `folder` from its trained checkpoint, not scored yet.

    Raises:
        ExportError: int8 cannot keep `recipe.max_mse_increase`; and what exporting and quantising raise.
    """
    checkpoint = folder / f"{product.name}.ckpt"
    release_checkpoint(source, checkpoint, recipe.ref_size, recipe.ref_side)
    costs = count(load_network(checkpoint)[0], SIZE, SIZE)
    _deploy(product, checkpoint, recipe)
    files = [(product.name, product.what, checkpoint, product.most_mb)]
    files += [(form.name, form.what, folder / form.file, form.most_mb) for form in product.deployed]
    models = []
    for name, what, path, most_mb in files:
        parts = tuple(ReleasedFile.of(part) for part in reversed(files_of(path)))
        models.append(ReleasedModel(name, what, parts, costs.parameters, costs.macs))
        if models[-1].bytes > 1e6 * most_mb:
            logger.warning("%s has %.2f MB, expected are at most %g", path, models[-1].bytes / 1e6, most_mb)
    return models


def _deploy(product: Product, checkpoint: Path, recipe: Recipe) -> None:
    """Make the deployed forms beside the checkpoint, under their released names."""
    made = checkpoint.parent / f"{product.name}-variants"
    variants = tuple(form.variant for form in product.deployed)
    job = QuantizationJob(
        str(checkpoint), str(made), variants, str(recipe.config), max_mse_increase=recipe.max_mse_increase
    )
    if failed := quantise(job):
        raise ExportError(
            f"{failed} of {product.name}'s forms do not keep the MSE increase of {recipe.max_mse_increase:.0%}; {made} "
            "holds the reports. Nothing was released. Allow more, or train on."
        )
    for form in product.deployed:
        made_as = made / f"{product.name}_{form.variant.label}{form.variant.backend.suffix}"
        for part in files_of(made_as):
            part.rename((checkpoint.parent / form.file).with_suffix(part.suffix))
