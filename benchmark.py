"""Time models of any kind side by side, and say what they need."""

from src.programs import run

if __name__ == "__main__":
    run("benchmark")
