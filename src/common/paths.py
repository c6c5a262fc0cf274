"""Where this package and the checkout around it lie."""

from pathlib import Path

PACKAGE = Path(__file__).resolve().parents[1]
REPOSITORY = PACKAGE.parent  # of a checkout; of an installed package the folder that holds it
