"""Images of another kind, for measuring adaptation: spoiled copies of a folder of photographs.

python benchmarks/shifted_images.py --input data/CCP/unlabelled --kind dark --output shifted/dark/unlabelled

dark: 0.3 of the values, noise of sigma 10, JPEG quality 40. blurred: sigma 3, 0.6 of the contrast, JPEG quality 12.
Alphas stay what they were. Leaves <image>.png; the noise is seeded by the image's place in the folder.
"""

import argparse
import sys
from pathlib import Path

import cv2
import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from src.common.cli import run_command
from src.common.files import make_folder
from src.common.text import natural_order
from src.data.pairs import files_by_stem
from src.imaging import encode_jpeg, read_image, write_png


def dark(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    return _jpeg(0.3 * image + rng.normal(0, 10, image.shape), 40)


def blurred(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    return _jpeg(0.6 * cv2.GaussianBlur(image, (0, 0), 3).astype(np.float32) + 60, 12)


def _jpeg(values: np.ndarray, quality: int) -> np.ndarray:
    coded = encode_jpeg(np.clip(values, 0, 255).astype(np.uint8), quality)
    return cv2.cvtColor(cv2.imdecode(np.frombuffer(coded, np.uint8), cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB)


KINDS = {"dark": dark, "blurred": blurred}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--input", type=Path, required=True, help="folder of photographs")
    parser.add_argument("--kind", choices=KINDS, required=True, help="how they are spoiled")
    parser.add_argument("--output", type=Path, required=True, help="folder for the copies")
    args = parser.parse_args()
    files, output = files_by_stem(args.input), make_folder(args.output)
    for number, name in enumerate(natural_order(files)):
        write_png(output / f"{name}.png", KINDS[args.kind](read_image(files[name]), np.random.default_rng(number)))


if __name__ == "__main__":
    run_command(main)
