"""Where this package and the checkout around it lie."""

import os
from pathlib import Path

PACKAGE = Path(__file__).resolve().parents[1]
REPOSITORY = PACKAGE.parent  # of a checkout; of an installed package the folder that holds it
# Where files lie that a user brings or gets, unless another place is named: the checkout, or the current folder.
USER_FOLDER = REPOSITORY if PACKAGE.name == "src" else Path()


def cache_folder() -> Path | None:
    """This project's folder in the user's cache, by $XDG_CACHE_HOME or ~/.cache; None for a user without a home."""
    named = os.environ.get("XDG_CACHE_HOME", "")
    try:
        base = Path(named) if os.path.isabs(named) else Path.home() / ".cache"
    except RuntimeError:
        return None
    return base / "modnet-mindspore"
