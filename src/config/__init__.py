"""What a user may ask for: YAML keys and flags, as frozen sections of which every function takes the one it needs.

Start with `sections.py`, which holds the keys, then `config.py`. May import `spec` and `common`, and needs PyYAML only
where a file is read or written.
"""
