"""Configurations that no system call takes: pipes, which might never end, and NUL characters."""

import os

import pytest

from src.common.errors import ConfigError
from src.config.config import load_config


def test_a_pipe_is_refused_at_once(tmp_path):
    os.mkfifo(tmp_path / "pipe.yml")
    with pytest.raises(ConfigError, match=r"Cannot read the configuration .*a pipe or a device, expected is a file"):
        load_config(tmp_path / "pipe.yml")


@pytest.mark.parametrize(
    ("content", "text"),
    [(b'lr: 0.1\noutput_path: "a\\0b"\n', "NUL character in line 2"), (b"output_path: a\0b\n", "holds NUL characters")],
)
def test_nul_characters_are_refused(tmp_path, content, text):
    (tmp_path / "nul.yml").write_bytes(content)
    with pytest.raises(ConfigError, match=text):
        load_config(tmp_path / "nul.yml")
