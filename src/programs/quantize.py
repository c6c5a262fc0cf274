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

from ..common.log import setup_logging
from ..quant.options import add_arguments, from_args


def main() -> int:
    """Make the variants that the command line asks for; 1 where one cannot keep its budget."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, argument_default=argparse.SUPPRESS
    )
    add_arguments(parser)
    args = parser.parse_args()
    setup_logging()
    job = from_args(args)
    from ..quant.run import quantise  # needs onnx

    return 1 if quantise(job) else 0
