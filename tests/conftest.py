"""What several test files share: the device, a few generated portraits, and a small network for them."""

import os
from pathlib import Path

import pytest

from src.device import prepare_environment, select_device

prepare_environment("CPU")  # must come before any import of mindspore, hence before any test file
select_device("CPU")

from src.synthetic.series import Series, write_series  # noqa: E402
from tests.narrow import save_narrow  # noqa: E402
from tests.programs import tiny_values, write_yaml  # noqa: E402


@pytest.fixture(scope="session", autouse=True)
def step_cache(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Compiled training steps are kept for the session, in its own folder; programs that tests start use it too."""
    os.environ["MODNET_COMPILE_CACHE"] = str(tmp_path_factory.getbasetemp() / "steps")


@pytest.fixture(scope="session")
def synthetic_set(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six training and two validation portraits of about 80 pixels, in the layout of P3M-10k."""
    root = tmp_path_factory.mktemp("portraits") / "set"
    write_series(Series(train=6, validation=2, size=80, seed=3), root, workers=1)
    return root


@pytest.fixture(scope="session")
def narrow_ckpt(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Checkpoint of the narrow network with random weights."""
    return save_narrow(tmp_path_factory.mktemp("narrow") / "narrow.ckpt")


@pytest.fixture(scope="session")
def tiny_config(tmp_path_factory: pytest.TempPathFactory, synthetic_set: Path, narrow_ckpt: Path) -> Path:
    """YAML: the narrow network on `synthetic_set`, three steps an epoch, two epochs, every step logged."""
    return write_yaml(tmp_path_factory.mktemp("config") / "tiny.yml", tiny_values(synthetic_set, narrow_ckpt))
