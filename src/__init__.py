"""Portrait matting in MindSpore, from a PyTorch checkpoint to a network on an edge device.

In a checkout this package is `src`, where it is installed it is `modnet_mindspore`: the same files, so they import each
other by relative names only. Start with `programs`, which has one module for each command, and follow its imports down.
CONTRIBUTING.md says what each package is for; a package imports only those that stand before it in that list.
"""

__version__ = "0.2.0"

__all__ = ["Matting", "MattingError", "list_models"]


def __getattr__(name: str) -> object:
    """What a program needs, imported when it is asked for: every command imports this package, few need the API."""
    if name in __all__:
        from . import api

        return getattr(api, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
