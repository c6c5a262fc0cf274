"""A checkpoint's network in PyTorch beside exported models, as benchmark.py measures them.

    python benchmarks/pytorch.py --ckpt_path modnet-lite0 --models modnet-p modnet-p-int8 --shape 512x512 --threads 2

PyTorch is the first row, what the others are compared with: the transcription that the tests hold against the official
network's outputs, with the checkpoint's weights, uncompiled, in inference mode, without the heads that only training
needs. Its throughput is that of one image after another.
"""

import argparse
import sys
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.packages import TORCH, need
from src.backend.device import select_device
from src.backend.environment import prepare_environment
from src.bench.options import add_arguments, from_args
from src.bench.run import run_benchmark
from src.common.cli import run_command
from src.common.errors import ConfigError
from src.common.log import setup_logging
from src.model_file.contract import Contract, read_contract
from src.model_file.releases import find_model
from src.runtime.base import Predictor
from src.runtime.factory import open_predictor
from src.spec.modnet import ModNetSpec
from src.spec.preprocess import Preprocess
from src.spec.serialisation import spec_from_json

if TYPE_CHECKING:
    from benchmarks.reference.torch_spec import SpecMODNet


class TorchPredictor(Predictor):
    """A network in PyTorch, on the CPU."""

    def __init__(self, network: "SpecMODNet", preprocess: Preprocess) -> None:
        super().__init__(preprocess)
        self.network = network

    def run(self, x: np.ndarray) -> np.ndarray:
        import torch

        with torch.inference_mode():
            return self.network.deployed(torch.from_numpy(x))[2].numpy()


def write_twin(checkpoint: Path, path: Path) -> None:
    """Write a checkpoint's description and weights to `path` (.pt), so that MindSpore is not in PyTorch's process.

    ConfigError: it is another network than MODNet as the paper has it.
    """
    prepare_environment("CPU")
    select_device("CPU")
    import torch

    from src.checkpoint.file import load_network, weights_of
    from src.runtime.mindspore_runtime import contract_of

    network, meta = load_network(checkpoint)
    if not isinstance(meta.spec, ModNetSpec) or meta.spec.easpp is not None:
        raise ConfigError(f"{checkpoint} is no MODNet without e-ASPP, which alone is transcribed in PyTorch.")
    weights = {name: torch.from_numpy(value.asnumpy()) for name, value in weights_of(network).items()}
    torch.save({"contract": contract_of(meta, checkpoint).to_json(), "weights": weights}, path)


def open_model(path: str, device: str, threads: int | None, *rest: Any, **options: Any) -> tuple[Predictor, Contract]:
    """As `open_predictor`, and for the files of `write_twin`."""
    if Path(path).suffix != ".pt":
        return open_predictor(path, device, threads, *rest, **options)
    import torch

    from benchmarks.reference.torch_spec import torch_twin

    if threads:
        torch.set_num_threads(threads)
    saved = torch.load(path, weights_only=True)
    contract = read_contract(saved["contract"], Path(path))
    state = {name: weight.numpy() for name, weight in saved["weights"].items()}
    twin = torch_twin(spec_from_json(contract.spec), state, torch.float32)
    return TorchPredictor(twin, contract.preprocess), contract


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--ckpt_path", required=True, help="MODNet's checkpoint, or a released model, for PyTorch")
    add_arguments(parser)
    args = parser.parse_args()
    setup_logging()
    options = from_args(args)
    if args.device != "CPU":
        raise ConfigError("PyTorch is measured on the CPU alone: leave --device out.")
    need("torch", TORCH)
    checkpoint = find_model(args.ckpt_path, (".ckpt",))
    with tempfile.TemporaryDirectory() as folder:
        twin = Path(folder) / f"{checkpoint.stem}.pt"
        write_twin(checkpoint, twin)
        name = f"{args.ckpt_path} in PyTorch"
        groups = [[replace(cases[0], model=str(twin), name=name, precision="f32"), *cases] for cases in options.groups]
        return run_benchmark(replace(options, groups=groups), print, open_model)


if __name__ == "__main__":
    run_command(main)
