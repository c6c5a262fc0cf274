"""Release trained networks: small files in pretrained/, scores and hashes in releases.json, the table in the documents.

    python scripts/release.py --config configs/release.yml --dense D.ckpt --pruned P.ckpt --mmnet M.ckpt
    python scripts/release.py --config configs/release.yml                   # measure all once more, renew the tables
    python benchmark.py --models pretrained/modnet-* --json bench.json; python scripts/release.py --benchmark bench.json

Each file is scored on the configuration's validation set by the evaluation of eval.py, in bf16 too where its runtime
and this CPU have it; times in bf16 come from a benchmark of FILE@bf16. Mattes and scores stay in --work (an earlier
release's too), for scripts/worst.py. A checkpoint that is left out stays as it was released before.
"""

import argparse

from ..backend.device import select_device
from ..backend.environment import prepare_environment
from ..common.log import setup_logging
from ..release.options import add_arguments, from_args


def main() -> None:
    """Make the release that the command line asks for, and print its table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_arguments(parser)
    request = from_args(parser.parse_args())
    setup_logging()
    prepare_environment("CPU")
    select_device("CPU")
    from ..release.run import release

    print(release(request))
