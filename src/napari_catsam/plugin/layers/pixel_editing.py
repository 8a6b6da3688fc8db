"""The one place that changes pixels of Labels layers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from napari.layers import Labels

from napari_catsam.errors import LabelsError
from napari_catsam.plugin.objects.places import Index

__all__ = ["Indices", "erase_object", "set_pixels"]

Indices = tuple[npt.NDArray[np.intp], ...]
"""One index array an axis."""


def set_pixels(labels: Labels, where: Indices, values: Any) -> None:
    """Set pixels together, so that one step of the layer's history takes them back.

    Parameters
    ----------
    labels : Labels
        Where they are.
    where : tuple of ndarray
        One index array an axis of the layer, (N,) each; nothing happens if they are empty.
    values : int or ndarray, (N,)
        What they become.

    Raises
    ------
    LabelsError
        If the layer's data cannot be edited; nothing has changed then.
    """
    if not where or not where[0].size:
        return
    _check_editable(labels, where)
    # napari fails, after the pixels have changed, in a hidden layer whose slice is out of date.
    if not labels.visible:
        labels.visible = True
    with labels.block_history():
        labels.data_setitem(where, values, refresh=False)
    labels.refresh()


def _check_editable(labels: Labels, where: Indices) -> None:
    """Raise :class:`LabelsError` unless single pixels can be read and set, as undo does as well."""
    pixel = tuple(axis[:1] for axis in where)
    try:
        labels.data[pixel] = labels.data[pixel]
    except (NotImplementedError, TypeError, ValueError, LookupError, OSError) as error:
        raise LabelsError(
            f"{labels.name!r} cannot be edited: its data are a {type(labels.data).__name__} that is "
            "read-only or takes no single pixels; choose a layer in memory or on Zarr"
        ) from error


def erase_object(labels: Labels, number: int, indices: Sequence[Index]) -> int:
    """Take an object out of parts of a layer, in one step of the layer's history.

    Parameters
    ----------
    labels : Labels
        Where it is.
    number : int
        The object's label.
    indices : sequence of tuple of int or slice(None)
        What to take of each axis, for each part; parts must not overlap.

    Returns
    -------
    int
        How many pixels it had; 0 if there was nothing to do.

    Raises
    ------
    LabelsError
        If the layer's data cannot be edited.
    """
    found = [_find(labels, number, index) for index in indices]
    where = tuple(np.concatenate(axis) for axis in zip(*found, strict=True))
    set_pixels(labels, where, 0)
    return len(where[0]) if where else 0


def _find(labels: Labels, number: int, index: Index) -> Indices:
    """Return one index array an axis of the pixels that an object has in a part of a layer."""
    found = iter(np.nonzero(np.asarray(labels.data[index]) == number))
    sliced = [next(found) if isinstance(part, slice) else None for part in index]
    count = next(len(axis) for axis in sliced if axis is not None)
    return tuple(
        np.full(count, part, np.intp) if axis is None else axis
        for part, axis in zip(index, sliced, strict=True)
    )
