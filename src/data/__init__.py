"""Data sets: which image belongs to which alpha, samples by number, their order over a training run, and transforms.

Start with `pairs.py` (what is there) and `samples.py` (what a training step gets of it); `sequence.py` orders the
samples, `transforms/` changes them, `records.py` reads them from a few large files. `doctor/` examines data sets,
`builders/` makes them. The package may import `common`, `spec`, `config` and `imaging`; it knows no framework.
"""
