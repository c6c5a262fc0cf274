"""Write a checkpoint's network as a model file for deployment, and prove that it computes the same matte."""

from src.programs import run

if __name__ == "__main__":
    run("export")
