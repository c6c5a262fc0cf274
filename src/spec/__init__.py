"""The numbers that define a network: widths, strides and norms as frozen dataclasses, and their JSON form.

Start with `modnet.py` and `mmnet.py`, one file a network; `activations.py` is the table of activations. It may import
`common` alone, and no MindSpore: an edge device reads a spec out of a file to know what it runs.
"""
