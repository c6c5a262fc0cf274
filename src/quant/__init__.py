"""Post-training quantisation: fp16, bf16 and int8 files of a float model, measured, with a manifest.

Start with `run.py`. `options.py` says what can be asked for; each `*_int8.py` registers one tool that makes int8 files
(`registry.py`); `budget.py` finds the layers that have to stay in float. Imports packages up to `deploy`.
"""
