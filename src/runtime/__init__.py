"""A network in any runtime behind one interface: an image in, a matte of the same size out.

Start with `base.py`, the `Predictor`; `factory.py` opens any file as one. Each `*_runtime.py` registers itself for its
suffixes and imports its framework when it opens a file. Imports `common`, `spec`, `imaging` and `model_file`; only the
MindSpore runtime also imports `backend` and `checkpoint`.
"""
