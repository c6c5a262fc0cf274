"""Files of weights: checkpoints that rebuild their own network, averages of them, and PyTorch files turned into them.

Start with `file.py`; `conversion.py` knows PyTorch's names and needs neither framework. It may import `models`,
`losses` and what stands before them.
"""
