"""Train a matting network."""

from src.programs import run

if __name__ == "__main__":
    run("train")
