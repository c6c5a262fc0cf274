"""What several test files share: the device, a few generated portraits, and a small network for them."""

import os
from collections import Counter
from pathlib import Path
from unittest import mock

import pytest
import yaml

from src.backend.device import select_device
from src.backend.environment import prepare_environment

prepare_environment("CPU")  # must come before any import of mindspore, hence before any test file
select_device("CPU")

from mindspore import nn  # noqa: E402

from src.data.builders.synthetic.series import Series, write_series  # noqa: E402
from src.pruning.groups import channels_of  # noqa: E402
from src.pruning.importances.l1 import l1  # noqa: E402
from src.pruning.setting import Setting  # noqa: E402
from src.pruning.surgery import arrays_of  # noqa: E402
from src.spec.preprocess import Preprocess  # noqa: E402
from tests.support.narrow import narrow_network, save_narrow  # noqa: E402
from tests.support.programs import tiny_values, write_yaml  # noqa: E402

# Fixtures that train a network, or export one in every format: what needs them is slow.
SLOW_FIXTURES = {
    "deviations", "mmnet_models", "models", "narrow_models", "parallel", "portable_mattes", "results", "runs",
    "stepped", "straight", "trained", "uniform",
}  # fmt: skip


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests that use a slow fixture, and let files with many slow tests come first: workers end together."""
    slow: Counter[Path] = Counter()
    for item in items:
        if SLOW_FIXTURES.intersection(getattr(item, "fixturenames", ())):
            item.add_marker(pytest.mark.slow)
        slow[item.path] += item.get_closest_marker("slow") is not None
    items.sort(key=lambda item: -slow[item.path])


@pytest.fixture(scope="session", autouse=True)
def step_cache(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Compiled training steps are kept for the session, in its own folder; programs that tests start use it too."""
    os.environ["MODNET_COMPILE_CACHE"] = str(tmp_path_factory.getbasetemp() / "steps")


@pytest.fixture(scope="session")
def synthetic_set(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six training and two validation portraits of about 80 pixels, in the folder structure of P3M-10k."""
    root = tmp_path_factory.mktemp("portraits") / "set"
    write_series(Series(train=6, validation=2, size=80, seed=3), root, workers=1)
    return root


@pytest.fixture(scope="module")
def network() -> nn.Cell:
    """The narrow network with random weights, a new one for each file."""
    return narrow_network()


@pytest.fixture(scope="module")
def setting(network: nn.Cell) -> Setting:
    """What pruning strategies know of `network`, by L1."""
    channels, weights = channels_of(network), arrays_of(network)
    return Setting(channels, weights, l1(weights, channels))


@pytest.fixture(scope="session")
def narrow_ckpt(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Checkpoint of the narrow network with random weights."""
    return save_narrow(tmp_path_factory.mktemp("narrow") / "narrow.ckpt")


@pytest.fixture(scope="session")
def tiny_config(tmp_path_factory: pytest.TempPathFactory, synthetic_set: Path, narrow_ckpt: Path) -> Path:
    """YAML: the narrow network on `synthetic_set`, three steps an epoch, two epochs, every step logged."""
    return write_yaml(tmp_path_factory.mktemp("config") / "tiny.yml", tiny_values(synthetic_set, narrow_ckpt))


@pytest.fixture(scope="session")
def soc_config(tiny_config: Path, synthetic_set: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny configuration on its own training images, their alphas unread."""
    config = yaml.safe_load(tiny_config.read_text())
    section = config["train_dataset"]
    transforms = [t for t in section["transforms"] if t["type"] != "GenTrimap"]
    config["train_dataset"] = {
        "name": "unlabelled", "dataset_root": str(synthetic_set / "train" / "blurred_image"),
        "workers": 0, "batch_size": 2, "transforms": transforms,
    }  # fmt: skip
    recipe = {"optimizer": "adam", "lr": 1e-3, "beta2": 0.99, "lr_schedule": "constant", "ema_decay": 0.6}
    return write_yaml(tmp_path_factory.mktemp("soc") / "soc.yml", config | recipe)


@pytest.fixture(scope="session")
def narrow_models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The narrow network for inputs of short side 64 in every format, by suffix.

    "u8" is an OpenVINO IR of pixel input. MindIR takes one size only, because MindSpore's own operators are slow.
    """
    from src.deploy.export import export
    from src.deploy.options import ExportOptions

    folder = tmp_path_factory.mktemp("exported")
    checkpoint = save_narrow(folder / "narrow.ckpt", preprocess=Preprocess(ref_size=64))
    expected = {
        ".onnx": ("ONNX", ExportOptions()),
        ".xml": ("OPENVINO", ExportOptions()),
        "u8": ("OPENVINO", ExportOptions(with_preprocess=True)),
        ".mindir": ("MINDIR", ExportOptions((-1, 3, 64, 96))),
    }
    with mock.patch("src.deploy.parity._SIZES", ((1, 64, 64), (3, 64, 96))):  # test_export.py tries the real ones
        files = {name: export(checkpoint, kind, folder, options)[0][0] for name, (kind, options) in expected.items()}
    return {".ckpt": checkpoint} | files
