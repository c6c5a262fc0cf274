"""How the project's own networks are released: from trained checkpoints to small files, an index and a table.

Start with `run.py`; `products.py` says which files a network becomes, `table.py` writes the table in the documents,
`recipe.py` is the list of trainings. Imports every package above it, up to `quant` and `pruning`.
"""
