"""Every error that napari-catsam raises on purpose, in one tree.

A message names the value that is wrong, what was expected and what to do; the command line and the
plugin show it as it is.
"""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = [
    "AdapterError",
    "AdapterMismatchError",
    "CatsamError",
    "CheckpointError",
    "DownloadError",
    "ImageError",
    "LabelsError",
    "MissingWeightsError",
    "OutOfMemoryError",
    "PromptError",
    "ShotError",
    "TrainingError",
    "UnknownNameError",
    "UnreadableFileError",
]


class CatsamError(Exception):
    """Base of all errors raised on purpose; its text is meant for the user."""


class ImageError(CatsamError, ValueError):
    """An image that cannot be segmented: empty, not finite, of the wrong shape or type."""


class LabelsError(CatsamError, ValueError):
    """Labels that cannot be written or read: no whole numbers, negative, of a wrong shape."""


class PromptError(CatsamError, ValueError):
    """A prompt that is outside the image, inverted, empty or of the wrong shape."""


class ShotError(CatsamError, ValueError):
    """An image with masks that cannot be trained on."""


class TrainingError(CatsamError, ValueError):
    """A training that cannot start or go on: wrong settings, or a loss that is not finite."""


class UnknownNameError(CatsamError, ValueError):
    """A name that is not in a table, with the names that are.

    Parameters
    ----------
    kind : str
        What the name stands for, such as ``"model"``.
    name : str
        The name that was given.
    known : iterable of str
        The names that exist.
    """

    def __init__(self, kind: str, name: str, known: Iterable[str]) -> None:
        names = list(known)
        close = get_close_matches(name, names, n=1)
        hint = f"; did you mean {close[0]!r}" if close else ""
        super().__init__(f"unknown {kind} {name!r}, expected one of {', '.join(names)}{hint}")


class UnreadableFileError(CatsamError, OSError):
    """A file that is missing or cannot be read as what it should be."""


class CheckpointError(CatsamError):
    """A weights file that is truncated, foreign or of another backbone."""


class MissingWeightsError(CatsamError, FileNotFoundError):
    """Official weights that are not on this computer yet."""


class DownloadError(CatsamError, OSError):
    """A download that failed, or that brought something else than expected."""


class AdapterError(CatsamError):
    """An adapter file that is truncated or not an adapter."""


class AdapterMismatchError(AdapterError):
    """A sound adapter that does not fit the loaded model."""


class OutOfMemoryError(CatsamError, MemoryError):
    """Not enough memory on the device, also after retrying with less at a time."""
