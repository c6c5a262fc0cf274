"""Write a checkpoint's network as a model file for deployment, and prove that it computes the same matte.

    python export.py --ckpt_path MODNet_best.ckpt --file_format ONNX --output_path exported
    python export.py --ckpt_path MODNet_best.ckpt --file_format OPENVINO --output_path exported --with_preprocess
    python export.py --ckpt_path MODNet_best.ckpt --file_format ONNX --output_path exported --input_shape 1,3,480,288
    python export.py --ckpt_path MMNet_best.ckpt --output_path exported --layout NHWC
    python export.py --ckpt_path modnet-p --output_path exported --target obs
    python export.py --ckpt_path modnet-p --output_path exported --target hf
    python export.py --ckpt_path modnet-p --output_path exported --opset 11 --input_shape 1,3,480,288

Works for dense and pruned networks. The file carries its pre-processing, network description, scores and the
checkpoint's hash. Exit status 1: the file did not pass the comparison with the checkpoint; then none is left.
"""

import argparse
import os
from pathlib import Path

from ..backend.device import select_device
from ..backend.environment import prepare_environment
from ..common.log import logger, setup_logging
from ..deploy.options import add_arguments, from_args
from ..deploy.registry import find_target, known_targets
from ..model_file.releases import find_model


def parse_args() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    formats = ", ".join(f"{target.name} ({target.made})" for target in known_targets())
    parser.add_argument("--ckpt_path", required=True, help="checkpoint or released model, dense or pruned")
    parser.add_argument("--file_format", "--target", dest="file_format", type=str.upper, default="ONNX", help=formats)
    parser.add_argument("--output_path", default="./output", help="folder for the file")
    add_arguments(parser)
    return parser.parse_args()


def main() -> None:
    """Write the file that the command line asks for."""
    args = parse_args()
    setup_logging()
    options, target = from_args(args), find_target(args.file_format)
    if target.portable:
        os.environ["MODNET_CPU_OPS"] = "0"  # the comparison runs on MindSpore's own operators; set up the CPU for them
    prepare_environment("CPU")
    select_device("CPU")
    from ..deploy.export import export

    paths, _ = export(find_model(args.ckpt_path, (".ckpt",)), target.name, Path(args.output_path), options)
    files = [file for path in paths for file in (path.rglob("*") if path.is_dir() else [path]) if file.is_file()]
    size = sum(file.stat().st_size for file in files) / 1e6
    logger.info("%s: %.2f MB, computes what %s computes", paths[0], size, args.ckpt_path)
