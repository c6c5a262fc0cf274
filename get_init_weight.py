"""Convert PyTorch weights into a MindSpore checkpoint and prove that every tensor came over."""

from src.programs import run

if __name__ == "__main__":
    run("convert")
