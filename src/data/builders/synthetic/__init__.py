"""Generated portraits with exact alpha, drawn from a seed: the embedded data set and what the tests live on.

Start with `scene.py`: persons before a background, as a camera sees them. `person.py` puts a person together from
`body`, `head`, `hair` and `accessories`, all drawn on the layers of `canvas.py`; `background.py` picks a place from
`indoors` and `outdoors`; `series.py` writes a whole data set. The package may import `common`, `imaging` and its
neighbours `claim` and `p3m`.
"""

from .scene import Scene, portrait, scene

__all__ = ["Scene", "portrait", "scene"]
