"""MACs of the network that a model file describes, where MindSpore is installed to trace it."""

from src.device import prepare_environment
from src.spec import spec_from_json


def network_costs(spec: str, shape: tuple[int, int]) -> tuple[int | None, int | None]:
    """Deployed MACs for one input of `shape` (height, width), and parameters, of a spec's JSON; None without MindSpore.

    See `src.costs` for what counts.
    """
    prepare_environment("CPU")
    try:
        from src.costs import count
        from src.models import build_network
    except ImportError:
        return None, None
    counted = count(build_network(spec_from_json(spec)), *shape)
    return counted.macs, counted.parameters
