"""Portrait matting: train it, shrink it, ship it.

modnet VERB [options]
modnet VERB --help
modnet --version
"""

import sys

from .. import __version__
from ..common.cli import call_main, run_command
from ..common.errors import ConfigError
from ..common.text import nearest

# Verb -> (module of this package, what it does).
VERBS = {
    "cut": ("cut", "cut people out; each result lies beside its input"),
    "infer": ("infer", "cut people out of images, videos or a camera's frames"),
    "models": ("models", "list the released models"),
    "serve": ("serve", "answer matting requests over HTTP"),
    "train": ("train", "train a matting network"),
    "launch": ("launch", "train on several devices, one process each"),
    "eval": ("eval", "score networks on a validation set"),
    "convert": ("convert", "turn PyTorch weights into a checkpoint"),
    "prune": ("prune", "make a network narrower"),
    "prune-and-retrain": ("prune_and_retrain", "prune, train what is left, score both"),
    "prune-table": ("prune_table", "networks before and after pruning in one table"),
    "widen": ("widen", "make a network wider without changing its output"),
    "average": ("average", "average the weights of checkpoints"),
    "export": ("export", "write a checkpoint as ONNX, OpenVINO IR or MindIR"),
    "quantize": ("quantize", "write fp16, bf16 and int8 variants of a model"),
    "benchmark": ("benchmark", "time models side by side"),
    "doctor": ("check_dataset", "examine the data sets of a configuration"),
    "train-release": ("train_release", "make the released networks from nothing, in a checkout"),
    "mmnet": ("mmnet", "turn MMNet's options into a configuration"),
}


def main() -> int | None:
    """Run the verb that the command line names, with the arguments behind it."""
    verb, *arguments = sys.argv[1:] or ["--help"]
    if verb in ("-h", "--help"):
        print(_help())
        return 0
    if verb == "--version":
        print(f"modnet {__version__}")
        return 0
    if verb not in VERBS:
        raise ConfigError(f"There is no verb `{verb}`.{nearest(verb, VERBS)} `modnet --help` lists them.")
    sys.argv = [f"modnet {verb}", *arguments]  # argparse names the program by the first
    return call_main(f"{__package__}.{VERBS[verb][0]}", f"modnet {verb}")


def _help() -> str:
    width = max(map(len, VERBS))
    return "\n".join([str(__doc__).strip(), "", *(f"  {verb:{width}}  {what}" for verb, (_, what) in VERBS.items())])


def command() -> None:
    """What the installed command `modnet` calls."""
    run_command(main)
