"""Which operators have to be in float for a convolution to work on float maps."""

from collections.abc import Iterable

Operator = tuple[str, bool, list[str]]
CONVOLUTIONS = ("Convolution", "GroupConvolution")  # as OpenVINO calls them


def layers_of(operators: Iterable[Operator]) -> dict[str, list[str]]:
    """Operators by layer.

    A map is rounded where an operator takes it. So a layer is a convolution together with everything between it and
    the convolutions before it: their norms, activations, sums, resizes. What lies before several convolutions belongs
    to each of these layers.

    Args:
        operators: name, whether it is a convolution, and the names of the operators that it takes maps from, in order
            of computation.

    Returns:
        A convolution's name -> the layer's operators, itself first; convolutions in order of computation.
    """
    known = {name: (is_convolution, inputs) for name, is_convolution, inputs in operators}
    return {name: _layer(name, known) for name, (is_convolution, _) in known.items() if is_convolution}


def _layer(convolution: str, known: dict[str, tuple[bool, list[str]]]) -> list[str]:
    found, waiting = [convolution], list(known[convolution][1])
    while waiting:
        name = waiting.pop()
        if name in known and name not in found and not known[name][0]:
            found.append(name)
            waiting.extend(known[name][1])
    return found
