"""MACs of the network that a model file describes, where MindSpore is installed to trace it."""

from ..backend.environment import prepare_environment
from ..spec.serialisation import spec_from_json


def network_costs(spec: str, shape: tuple[int, int]) -> tuple[int | None, int | None]:
    """Deployed MACs for one input of `shape` (height, width), and parameters, of a spec's JSON; None without MindSpore.

    See `src.models.costs` for what counts.
    """
    prepare_environment("CPU")
    try:
        from ..models.build import build_network
        from ..models.costs import count
    except ImportError:
        return None, None
    counted = count(build_network(spec_from_json(spec)), *shape)
    return counted.macs, counted.parameters
