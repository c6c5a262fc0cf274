"""The folder that transformers.js reads, in node and in browsers: model, two small JSON files and a model card."""

import json
import shutil
from pathlib import Path
from typing import Any

from ...common.errors import ConfigError, ModelError
from ...common.files import sha256_of
from ...common.log import logger
from ...model_file.contract import Contract
from ...model_file.releases import read_releases, verified_model
from ...spec.preprocess import Preprocess
from ..options import ANY_SHAPE, ExportOptions
from ..registry import ExportJob, register_target

MODEL, QUANTIZED = "onnx/model.onnx", "onnx/model_quantized.onnx"  # as transformers.js names fp32 and q8


def any_normalised(options: ExportOptions) -> None:
    """ConfigError for another input than transformers.js makes."""
    if options.with_preprocess or options.layout == "NHWC" or options.shape != ANY_SHAPE:
        raise ConfigError(
            "transformers.js gives normalised float32 [N, 3, H, W] of any size: leave --with_preprocess, --layout and "
            "--input_shape out."
        )


@register_target("HF", "", check=any_normalised, mark="_hf", opens=MODEL)
def write_hf(job: ExportJob, path: Path) -> None:
    """Write the job's network as that folder, with the released int8 file of the same weights where there is one."""
    import onnx

    from ..onnx_model import onnx_model

    processor = preprocessor_config(job.contract.preprocess)
    (path / MODEL).parent.mkdir(parents=True)
    onnx.save(onnx_model(job.network.network, job.contract, opset=job.options.opset), path / MODEL)
    quantized = released_int8(job.checkpoint)
    if quantized is not None:
        shutil.copyfile(quantized, path / QUANTIZED)
    else:
        logger.info("no %s: no int8 file of these weights is released; quantize.py makes one", QUANTIZED)
    _write_json(path / "config.json", {"model_type": "modnet", "architectures": ["MODNet"]})
    _write_json(path / "preprocessor_config.json", processor)
    (path / "README.md").write_text(model_card(job, quantized), encoding="utf-8")


def preprocessor_config(pre: Preprocess) -> dict[str, Any]:
    """What transformers.js is to do with an image; it resizes by its own bilinear filter."""
    if pre.fixed_size:
        raise ConfigError(
            f"This network takes every image at {pre.fixed_size[0]}x{pre.fixed_size[1]}, resampled with corners "
            "aligned, which transformers.js cannot do. Use --file_format ONNX."
        )
    return {
        "image_processor_type": "ImageFeatureExtractor",
        "do_convert_rgb": True,
        "do_resize": True,
        "size": {"shortest_edge" if pre.ref_side == "shorter" else "longest_edge": pre.ref_size},
        "size_divisibility": pre.multiple,
        "resample": 2,  # bilinear
        "do_rescale": True,
        "rescale_factor": 1 / 255,
        "do_normalize": True,
        "image_mean": list(pre.mean),
        "image_std": list(pre.std),
        "do_flip_channel_order": pre.color == "BGR",
        "do_pad": False,
    }


def released_int8(checkpoint: Path) -> Path | None:
    """The released int8 ONNX file that was made of a released checkpoint's weights; None where there is none."""
    models = read_releases()
    digest = sha256_of(checkpoint)
    if all(digest != file.sha256 for model in models for file in model.files):
        return None
    for model in models:
        if model.suffix == ".onnx" and model.present and _made_of(model.path, digest):
            return verified_model(model.file)
    return None


def _made_of(path: Path, digest: str) -> bool:
    """Whether a model file is in int8 and its weights are of the checkpoint with that SHA-256."""
    from ...runtime.factory import open_predictor

    try:
        contract: Contract = open_predictor(path)[1]
    except ModelError:
        return False
    return contract.quantization.get("dtype") == "int8" and contract.source.get("sha256") == digest


def model_card(job: ExportJob, quantized: Path | None) -> str:
    """README.md of the folder: what it is, how it is used, scores, licence."""
    scores = "\n".join(f"| {name} | {value:.4f} |" for name, value in sorted(job.contract.scores.items()))
    table = f"| score | value |\n| --- | ---: |\n{scores}" if scores else "The checkpoint was not validated: no scores."
    pre, source = job.contract.preprocess, job.contract.source
    small = f"`{QUANTIZED}` is the same network in 8 bits (`{{ dtype: 'q8' }}`)." if quantized else (
        "There is no 8-bit file: say `dtype: 'fp32'`, which is not the default in browsers.")  # fmt: skip
    return f"""---
license: apache-2.0
library_name: transformers.js
pipeline_tag: image-segmentation
tags: [background-removal, portrait-matting, modnet]
---

# {job.checkpoint.stem}

Portrait matting: an image in, the alpha of the person out.

```js
import {{ pipeline }} from "@huggingface/transformers";
const cut = await pipeline("background-removal", "path/of/this/folder", {{ dtype: "fp32" }});
const image = await cut("photo.jpg");
await image.save("cutout.png");
```

Input: the {pre.ref_side} side becomes {pre.ref_size} pixels, both sides multiples of {pre.multiple}; mean
{list(pre.mean)}, deviation {list(pre.std)}. transformers.js cuts sides down to the next lower multiple and has its own
filter; the training took the nearest multiple and pixel areas. Alphas differ a little at the edges. {small}

## Scores

{table}

Means over the validation images at training, measured by the training code.

## Origin

Weights: `{source.get("file", job.checkpoint.name)}`, SHA-256 `{source.get("sha256", "unknown")}`. Licence: Apache-2.0.
"""


def _write_json(path: Path, values: dict[str, Any]) -> None:
    path.write_text(json.dumps(values, indent=2) + "\n", encoding="utf-8")
