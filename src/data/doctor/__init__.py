"""The data doctor: what is wrong with which files of a data set, found before a training finds it.

Start with `check.py`, which examines a configuration's sections. `inspect.py` looks at one image and its alpha in a
worker process, `faults.py` is the table of what can be wrong, `report.py` gathers the faults into findings and their
text. The package may import `common`, `config`, `imaging` and the rest of `data`.
"""
