"""Export targets, one file each: how a network is written in a format, and which options the format refuses.

Start with `onnx.py`. A new module of this folder registers itself (`deploy/registry.py`) and nothing else changes. The
modules import frameworks inside their functions, and of ours what `deploy` may import.
"""
