"""Model files as files: what they promise about themselves, which formats there are, and the released ones.

Start with `contract.py`, the description that travels inside every file we write; then `releases.py`, which finds
models by name and verifies them, and `formats.py`. No framework is imported; of ours `common` and `spec` alone.
"""
