"""List the released models: name, file, size, error on the validation photographs, and what it is."""

import argparse

from ..model_file.listing import listing


def main() -> None:
    """Print one line for each released file."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.parse_args()
    print(listing())
