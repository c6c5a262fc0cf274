"""YAML files as plain values."""

from pathlib import Path
from typing import Any

from ..common.errors import ConfigError


def read_yaml(path: Path, what: str, cure: str = "") -> dict[str, Any]:
    """The `key: value` lines of a YAML file; nothing in it is executed.

    Args:
        path: of the file.
        what: what the file is, for messages: "configuration", "build file".
        cure: what the user can do about a file that cannot be read.

    Raises:
        ConfigError: the file cannot be read, is no YAML, or holds something else; or PyYAML is not installed.
    """
    yaml = import_yaml()
    try:
        values = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"Cannot read the {what} {path} ({error.strerror}).{cure and f' {cure}'}") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} is no valid YAML: {error}") from error
    if not isinstance(values, dict):
        raise ConfigError(f"{path} holds no `key: value` lines.")
    return values


def import_yaml() -> Any:
    """PyYAML, which a device that only runs models need not have; ConfigError where it is not installed."""
    try:
        import yaml
    except ImportError as error:
        raise ConfigError(f"Configurations need PyYAML ({error}). Run: pip install PyYAML==6.0.3") from error
    return yaml
