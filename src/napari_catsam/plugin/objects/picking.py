"""Finding an object of a Labels layer, to refine it."""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from napari.components import ViewerModel
from napari.layers import Image, Labels

from napari_catsam.errors import LabelsError
from napari_catsam.plugin.layers.new_layers import ObjectMask, fits
from napari_catsam.plugin.layers.own import is_own
from napari_catsam.plugin.layers.planes import Plane

__all__ = ["PickedObject", "list_labels", "pick_at", "pick_number", "pick_object"]


@dataclass(frozen=True, eq=False)
class PickedObject:
    """An object of a Labels layer, as it was on one plane when it was picked.

    Attributes
    ----------
    layer_id : Hashable
        The ``unique_id`` of the layer, which may be gone by now.
    id : int
        The object's label.
    mask : ObjectMask
        Its pixels on the plane; the score is not known.
    """

    layer_id: Hashable
    id: int
    mask: ObjectMask

    def to_mask(self, size: tuple[int, int]) -> npt.NDArray[np.bool_]:
        """Return its mask at the size (H, W) of the plane."""
        whole = np.zeros(size, bool)
        whole[self.mask.window] = self.mask.mask
        return whole

    def find_layer(self, viewer: ViewerModel) -> Labels | None:
        """Return the layer, unless it was removed."""
        found = (layer for layer in viewer.layers if layer.unique_id == self.layer_id)
        return next(found, None)


def list_labels(viewer: ViewerModel, image: Image) -> list[Labels]:
    """Return the user's visible Labels layers that lie pixel on pixel on an image, uppermost first."""
    return [
        layer
        for layer in reversed(viewer.layers)
        if isinstance(layer, Labels) and layer.visible and not is_own(layer) and fits(layer, image)
    ]


def pick_at(layers: Iterable[Labels], plane: Plane, place: npt.NDArray[np.float64]) -> PickedObject:
    """Pick the object at a place ``(row, column)`` of a plane, of the first layer that has one there.

    Raises
    ------
    LabelsError
        If there is none.
    """
    row, column = (round(float(at)) for at in place)
    if 0 <= row < plane.size[0] and 0 <= column < plane.size[1]:
        index = list(plane.index)
        index[plane.axes[0]], index[plane.axes[1]] = row, column
        for labels in layers:
            number = int(np.asarray(labels.data[tuple(index)]))
            if number:
                return pick_object(labels, plane, number)
    raise LabelsError("there is no object under the mouse; move it over one")


def pick_object(labels: Labels, plane: Plane, number: int) -> PickedObject:
    """Pick an object by its label.

    Raises
    ------
    LabelsError
        If the layer holds no such object on the plane.
    """
    mask = np.asarray(labels.data[plane.index]) == number
    if number == 0 or not mask.any():
        raise LabelsError(f"{labels.name!r} has no object {number} on this plane")
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    cut = mask[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1].copy()
    corner = (int(rows[0]), int(columns[0]))
    return PickedObject(labels.unique_id, number, ObjectMask(corner, cut, float("nan")))


def pick_number(layers: Iterable[Labels], plane: Plane, number: int) -> PickedObject:
    """Pick an object by its label, of the first layer that has it on the plane.

    Raises
    ------
    LabelsError
        If none has.
    """
    for labels in layers:
        if number and (np.asarray(labels.data[plane.index]) == number).any():
            return pick_object(labels, plane, number)
    raise LabelsError(f"no labels on {plane.name!r} have an object {number} on this plane")
