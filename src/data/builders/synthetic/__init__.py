"""Seeded generated portraits with exact alpha: the embedded data set and the test fixture."""

from .scene import Scene, portrait, scene

__all__ = ["Scene", "portrait", "scene"]
