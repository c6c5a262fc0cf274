"""A pipe as a configuration: it might never end, and training reads its configuration more than once."""

import os

import pytest

from src.common.errors import ConfigError
from src.config.config import load_config


def test_a_pipe_is_refused_at_once(tmp_path):
    os.mkfifo(tmp_path / "pipe.yml")
    with pytest.raises(ConfigError, match=r"Cannot read the configuration .*a pipe or a device, expected is a file"):
        load_config(tmp_path / "pipe.yml")
