"""Score networks on the validation set of a configuration, and write their mattes."""

from src.programs import run

if __name__ == "__main__":
    run("eval")
