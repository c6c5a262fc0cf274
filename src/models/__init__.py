"""Networks as MindSpore cells, each built from a spec, and what can be read from their cells: data flow and costs.

Start with `build.py`, then `modnet.py`; `layers.py` is what all are made of. `backbones/` has one file for each
encoder and imports without MindSpore, as this file does. It may import `backend` and what stands before it.
"""
