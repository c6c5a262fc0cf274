"""The YAML build file: one command for all variants of a model."""

from pathlib import Path
from typing import Any

import yaml

from src.errors import ConfigError


def read_build(path: str) -> dict[str, Any]:
    """Plain values of a build file, for `src.quant.options.read_job`; ConfigError where it cannot be read."""
    try:
        values = yaml.safe_load(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"Cannot read the build file {path} ({error.strerror}).") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} is no valid YAML: {error}") from error
    if not isinstance(values, dict):
        raise ConfigError(f"{path} holds no `key: value` lines.")
    return values
