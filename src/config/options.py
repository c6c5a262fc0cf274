"""The keys of a configuration as flags of a command line."""

import argparse
from collections.abc import Mapping
from typing import Any

from .config import Config, load_config, options


def add_arguments(
    parser: argparse.ArgumentParser, names: tuple[str, ...] | None = None, texts: Mapping[str, str] | None = None
) -> None:
    """Add `--config` and a flag for each key (all, or those named), absent unless given.

    Args:
        parser: of the program.
        names: of the keys that it reads; None for all.
        texts: help texts in place of those for training, by key.
    """
    parser.add_argument("-c", "--config", help="YAML file")
    for one in options().values():
        if "help" in one.metadata and (names is None or one.name in names):
            told = (texts or {}).get(one.name, one.metadata["help"])
            text = f"{told}{'' if one.default is None else f' (default: {one.default})'}"
            alone: dict[str, Any] = (
                {"nargs": "?", "const": "True"} if one.default is False else {}
            )  # `--soc` as well as `--soc True`
            parser.add_argument(
                f"--{one.name}", default=argparse.SUPPRESS, help=text, metavar=one.name.upper(), **alone
            )


def config_from_args(args: argparse.Namespace) -> Config:
    """The configuration of --config with the flags that were given over it."""
    known = options()
    return load_config(args.config, {key: value for key, value in vars(args).items() if key in known})
