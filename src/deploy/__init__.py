"""From a checkpoint to files that edge runtimes read, each proven equal to the checkpoint before it appears.

Start with `export.py`. `targets` holds one file a format; `onnx_model.py` with `emitters.py` writes the graph;
`parity.py` compares. Imports whatever stands above it in the order of packages, up to `inference`; no `training`.
"""
