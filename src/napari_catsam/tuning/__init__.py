"""What is trained: the tuning seam, and one file a method."""

from napari_catsam.tuning.base import Tuner, build_tuner, list_methods, register

__all__ = ["Tuner", "build_tuner", "list_methods", "register"]
