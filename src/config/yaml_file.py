"""YAML files as plain values."""

from pathlib import Path
from typing import Any

from ..common.errors import ConfigError
from ..common.files import read_text

_MOST_NODES, _MOST_DEPTH = 100_000, 50


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
        values = _load(yaml, read_text(path), path)
    except OSError as error:
        raise ConfigError(f"Cannot read the {what} {path} ({error.strerror}).{cure and f' {cure}'}") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} is no valid YAML: {error}") from error
    except ValueError as error:  # a date or a number that is none
        raise ConfigError(f"{path} is no valid YAML: {error}.") from error
    if not isinstance(values, dict):
        raise ConfigError(f"{path} holds no `key: value` lines.")
    return values


def _load(yaml: Any, text: str, path: Path) -> Any:
    """What `yaml.safe_load` gives; ConfigError for what `_strict_loader` refuses, and for endless aliases."""
    loader = _strict_loader(yaml, path)(text)
    try:
        node = loader.get_single_node()
        if node is None:
            return None
        if _unfolded(node, {}) > _MOST_NODES:
            raise ConfigError(f"{path} has aliases that unfold to more than {_MOST_NODES} values. Write them out.")
        return loader.construct_document(node)
    finally:
        loader.dispose()


def _strict_loader(yaml: Any, path: Path) -> Any:
    """A safe loader; ConfigError for a key that occurs twice, deep nesting, or a NUL character."""

    class Loader(yaml.SafeLoader):
        depth = 0

        def compose_node(self, parent: Any, index: Any) -> Any:
            self.depth += 1
            if self.depth > _MOST_DEPTH:
                raise ConfigError(f"{path} is no valid YAML: nested too deeply.")
            node = super().compose_node(parent, index)
            self.depth -= 1
            return node

        def compose_scalar_node(self, anchor: str | None) -> Any:
            node = super().compose_scalar_node(anchor)
            if "\0" in node.value:
                line = node.start_mark.line + 1
                raise ConfigError(f"{path} has a NUL character in line {line}, which no name may have: take it out.")
            return node

        def compose_mapping_node(self, anchor: str | None) -> Any:
            node = super().compose_mapping_node(anchor)
            seen: dict[str, int] = {}
            for key, _ in node.value:
                line = key.start_mark.line + 1
                if not isinstance(key, yaml.ScalarNode):
                    continue
                if key.value in seen:
                    lines = f"{seen[key.value]} and {line}"
                    raise ConfigError(f"{path} has `{key.value}` twice, in lines {lines}: keep one.")
                seen[key.value] = line
            return node

    return Loader


def _unfolded(node: Any, known: dict[int, int]) -> int:
    """How many values a YAML node has where each alias is written out; an alias within itself has no end."""
    if isinstance(node.value, str):
        return 1
    if id(node) not in known:
        known[id(node)] = _MOST_NODES + 1  # what it counts as within itself
        children = (part for entry in node.value for part in (entry if isinstance(entry, tuple) else (entry,)))
        known[id(node)] = 1 + sum(_unfolded(child, known) for child in children)
    return known[id(node)]


def import_yaml() -> Any:
    """PyYAML, which a device that only runs models need not have; ConfigError where it is not installed."""
    try:
        import yaml
    except ImportError as error:
        raise ConfigError(f"Configurations need PyYAML ({error}). Run: pip install PyYAML==6.0.3") from error
    return yaml
