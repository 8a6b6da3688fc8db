"""Which numbers the objects of Labels layers have, without reading a volume at every turn."""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd  # type: ignore[import-untyped]
from napari.components import ViewerModel
from napari.layers import Labels

from napari_catsam.errors import LabelsError
from napari_catsam.plugin.layers.planes import Plane

__all__ = ["LARGEST_ID", "ObjectIds", "is_in_memory", "largest_possible"]

LARGEST_ID = "largest_id"
"""Key of a Labels layer's metadata: the largest label of data that are not in memory."""

Position = tuple[tuple[int, int], ...]
"""(axis, index) of each axis that a plane is cut across."""


def is_in_memory(data: Any) -> bool:
    """Whether reading all of the data costs no more than a pass through memory."""
    return isinstance(data, np.ndarray) and not isinstance(data, np.memmap)


def largest_possible(labels: Labels) -> int:
    """Return the largest label that the layer's type holds."""
    return int(np.iinfo(np.dtype(labels.data.dtype)).max)


@dataclass
class _Known:
    """What is known of one layer.

    ``largest`` covers all planes once ``scanned`` is set, and what came by until then; ``planes``
    holds the objects of planes of lazy data that were read.
    """

    largest: int = 0
    scanned: bool = False
    planes: dict[Position, frozenset[int]] = field(default_factory=dict)


class ObjectIds:
    """Gives new objects numbers that no object of their layer has, or had.

    Data in memory are searched once; from then on the layer's events tell what is new. Lazy data are
    never searched: what counts are the planes that were written to, the layer's features, and its
    metadata :data:`LARGEST_ID`. A number is not given again when its object was deleted, so that
    nothing that was noted about one object is taken for another's.

    Parameters
    ----------
    viewer : ViewerModel, optional
        Whose Labels layers are followed from now on; the others from when they are first asked for.
    """

    def __init__(self, viewer: ViewerModel | None = None) -> None:
        self._known: dict[Hashable, _Known] = {}
        if viewer is not None:
            viewer.layers.events.inserted.connect(self._on_inserted)
            for layer in viewer.layers:
                self._follow_labels(layer)

    def follow(self, labels: Labels) -> None:
        """Note from now on which numbers come up in a layer."""
        self._get(labels)

    def reserve(
        self, labels: Labels, plane: Plane, pixels: npt.NDArray[Any], count: int
    ) -> tuple[int, ...]:
        """Return numbers for new objects.

        Parameters
        ----------
        labels : Labels
            Where they will be written.
        plane : Plane
            On which plane.
        pixels : ndarray, (H, W)
            What the layer holds there.
        count : int
            How many.

        Returns
        -------
        tuple of int
            Ascending, each larger than any number that is known of the layer.

        Raises
        ------
        LabelsError
            If the layer's type has no number left for them.
        """
        known, limit = self._get(labels), largest_possible(labels)
        self.note_plane(labels, plane, pixels)
        if not known.scanned:
            known.largest = max(known.largest, _search(labels))
            known.scanned = True
        if known.largest + count > limit and is_in_memory(labels.data):
            known.largest = _search(labels)  # numbers of deleted objects are free after all
        first = known.largest + 1
        if count and first + count - 1 > limit:
            raise LabelsError(
                f"{labels.name!r} holds {np.dtype(labels.data.dtype)}, up to {limit}, and object "
                f"{first + count - 1} is above; choose a new layer"
            )
        return tuple(range(first, first + count))

    def note_plane(self, labels: Labels, plane: Plane, pixels: npt.NDArray[Any]) -> None:
        """Note what a plane holds, which costs no more than to look at its pixels (H, W)."""
        known = self._get(labels)
        known.largest = max(known.largest, int(np.max(pixels, initial=0)))
        if not is_in_memory(labels.data):
            known.planes[plane.position] = frozenset(np.unique(pixels).tolist()) - {0}

    def find_planes(self, labels: Labels, number: int) -> list[tuple[int | slice, ...]]:
        """Return the planes of lazy data on which an object was seen, as indices of the data."""
        planes = self._get(labels).planes
        found = (dict(position) for position, held in planes.items() if number in held)
        return [
            tuple(steps.get(axis, slice(None)) for axis in range(labels.ndim)) for steps in found
        ]

    def _get(self, labels: Labels) -> _Known:
        if labels.unique_id not in self._known:
            self._known[labels.unique_id] = _Known()
            labels.events.paint.connect(self._on_paint)
            labels.events.data.connect(self._on_data)
        return self._known[labels.unique_id]

    def _follow_labels(self, layer: Any) -> None:
        if isinstance(layer, Labels):
            self.follow(layer)

    def _on_inserted(self, event: Any) -> None:
        self._follow_labels(event.value)

    def _on_paint(self, event: Any) -> None:
        known = self._known[event.source.unique_id]
        try:
            known.largest = max(known.largest, *map(_largest_of, event.value))
        except (TypeError, ValueError, AttributeError, LookupError):
            known.scanned = False  # an edit of another make: search the data again

    def _on_data(self, event: Any) -> None:
        self._known[event.source.unique_id] = _Known()


def _largest_of(atom: Any) -> int:
    """Return the largest number that an edit wrote, or replaced, which undo brings back."""
    values: Iterable[Any]
    if hasattr(atom, "new_value"):
        values = (atom.old_values, atom.new_value)
    else:
        values = (atom[1], atom[2])
    return max(int(np.max(value, initial=0)) for value in values)


def _search(labels: Labels) -> int:
    """Return the largest label, or of lazy data what the layer says about itself."""
    if is_in_memory(labels.data):
        return int(np.max(labels.data, initial=0))
    features = labels.features
    rows = features["index"] if "index" in features else range(len(features))
    numbers = pd.to_numeric(pd.Series(rows, dtype=object), errors="coerce").dropna()
    named = int(numbers.max()) if len(numbers) else 0
    return max(named, int(labels.metadata.get(LARGEST_ID, 0)))
