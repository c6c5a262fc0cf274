"""Release trained networks: small files in pretrained/, scores and hashes in releases.json, the table in the documents.

    python scripts/release.py --config configs/release.yml --dense D.ckpt --pruned P.ckpt --mmnet M.ckpt
    python scripts/release.py --config configs/release.yml                   # measure all once more, renew the tables
    python benchmark.py --models pretrained/modnet-* --json bench.json; python scripts/release.py --benchmark bench.json

Each file is scored on the configuration's validation set by the evaluation of eval.py, in bf16 too where its runtime
and this CPU have it; times in bf16 come from a benchmark of FILE@bf16. Mattes and scores stay in --work (an earlier
release's too), for scripts/worst.py. A checkpoint that is left out stays as it was released before.
"""

import argparse
from pathlib import Path

from ..backend.device import select_device
from ..backend.environment import prepare_environment
from ..bench.report import table
from ..common.cli import parse_share
from ..common.log import setup_logging
from ..model_file.releases import FOLDER
from ..release.table import HEAD, circumstances, table_rows, update_documents

DOCUMENTS = [FOLDER / "README.md", FOLDER.parent / "README.md", FOLDER.parent / "README_CN.md"]
KINDS = ("dense", "pruned", "mmnet")


def main() -> None:
    args = parse_arguments()
    setup_logging()
    prepare_environment("CPU")
    select_device("CPU")
    from ..release.products import Recipe
    from ..release.run import Request, make_release

    checkpoints = {kind: path for kind in KINDS if (path := getattr(args, kind)) is not None}
    recipe = Recipe(args.config, args.ref_size, args.max_mse_increase) if args.config else None
    request = Request(checkpoints, args.output, args.work, recipe, args.benchmark, args.overwrite)
    models = make_release(request)
    text = f"{table(HEAD, table_rows(models))}\n\n{circumstances(models)}"
    update_documents(args.documents, text)
    print(text)


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add = parser.add_argument
    for kind in KINDS:
        add(f"--{kind}", type=Path, metavar="CKPT", help=f"trained checkpoint of the {kind} network")
    add("--config", type=Path, metavar="FILE", help="YAML file: validation set of the scores, training set of int8")
    add("--ref_size", type=int, metavar="N", help="shorter side of the network's input (default: the checkpoint's)")
    add(
        "--max_mse_increase",
        type=parse_share,
        metavar="SHARE",
        help="of int8 over float, such as 10%% (see quantize.py)",
    )
    add("--benchmark", type=Path, metavar="FILE", help="--json of benchmark.py, for the column of times")
    add("--output", type=Path, default=FOLDER, metavar="DIR", help="folder of released files (default: pretrained)")
    add("--work", type=Path, default=Path("output/release"), metavar="DIR", help="folder for mattes and scores")
    add("--documents", type=Path, nargs="*", default=DOCUMENTS, metavar="FILE", help="where the table stands")
    add("--overwrite", action="store_true", help="replace files that were released before")
    return parser.parse_args()
