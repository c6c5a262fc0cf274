"""Prune a matting network: a narrower checkpoint that rebuilds itself, and a report on what went."""

from src.programs import run

if __name__ == "__main__":
    run("prune")
