"""Turn a float model into fp16, bf16 and int8 variants, and measure what they cost in accuracy.

    python quantize.py --model MODNet_best.onnx --config P3M.yml --dtype int8 --output_path built
    python quantize.py --model MODNet_best.onnx --calibration photos --dtype int8 --backend onnxruntime --method kl
    python quantize.py --model MODNet_best.ckpt --config P3M.yml --dtype int8 --max_mse_increase 10%
    python quantize.py --build build.yml

The model is an ONNX file of export.py, or a checkpoint (or released model's name), which is exported first. Leaves
<model>_<variant>.xml (OpenVINO) or .onnx (onnxruntime) in --output_path with manifest.json: files, sizes, hashes,
scores, and how far alphas are from the float model's. A model listed as FILE@bf16 is FILE opened in bf16. Exit status
1: a variant cannot keep --max_mse_increase; it leaves a report and no model.
"""

import argparse
from pathlib import Path
from typing import Any

from ..common.errors import ConfigError
from ..common.log import setup_logging
from ..config.yaml_file import read_yaml
from ..quant.options import BACKENDS, BIAS_CORRECTIONS, DTYPES, METHODS, PRESETS, read_job

_BACKEND = ("dtype", "type", "method", "preset", "bias_correction", "keep_float")
_CALIBRATION = {"calibration": "folder", "calibration_size": "size", "seed": "seed"}


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, argument_default=argparse.SUPPRESS
    )
    add = parser.add_argument
    add("--build", help="YAML file with the values below; flags that are given replace its own")
    add("--model", help=".onnx file of export.py, a checkpoint, or a released model's name (its checkpoint)")
    add("-c", "--config", help="YAML file with the training set to calibrate with and the validation set to score on")
    add("--output_path", dest="output", help="folder for the files (default: ./output)")
    add("--dtype", help=f"{', '.join(DTYPES)} (default: int8)")
    add("--backend", dest="type", help=f"{' or '.join(BACKENDS)} (default: openvino)")
    add("--method", help=f"onnxruntime's int8: {', '.join(METHODS)} (default: minmax)")
    add("--preset", help=f"OpenVINO's int8: {' or '.join(PRESETS)} (default: performance)")
    add("--bias_correction", help=f"OpenVINO's int8: {', '.join(BIAS_CORRECTIONS)} (default: fast)")
    add("--keep_float", nargs="+", metavar="LAYER", help="layers that stay in float")
    add("--calibration", metavar="FOLDER", help="images to calibrate with (default: the training set)")
    add("--calibration_size", type=int, metavar="N", help="how many of them (default: 64)")
    add("--seed", type=int, help="which of them (default: 0)")
    add("--input_shape", help="of a checkpoint: N,3,H,W for a fixed input (default: all free)")
    add(
        "--max_mse_increase",
        metavar="SHARE",
        help="such as 10%%: int8 keeps layers in float until the MSE is within it",
    )
    add("--validation_size", type=int, metavar="N", help="score the first N validation images (default: all)")
    add("--overwrite", action="store_true", help="replace files of an earlier call")
    return parser.parse_args()


def main() -> int:
    given = vars(parse_args())
    setup_logging()
    job = read_job(job_values(given))
    from ..quant.run import quantise  # needs onnx

    return 1 if quantise(job) else 0


def job_values(given: dict[str, Any]) -> dict[str, Any]:
    """What a build file would say, from the flags that were given."""
    values = read_yaml(Path(given.pop("build")), "build file") if "build" in given else {}
    backend = {name: given.pop(name) for name in _BACKEND if name in given}
    calibration = {key: given.pop(flag) for flag, key in _CALIBRATION.items() if flag in given}
    if backend and "backend" in values:
        raise ConfigError(f"--{next(iter(backend))} would change every `backend` of the build file; change it there.")
    if calibration:
        given["calibration"] = (values.get("calibration") or {}) | calibration
    return values | given | ({"backend": backend} if backend else {})
