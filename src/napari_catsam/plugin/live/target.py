"""Where the masks go that the user accepts."""

from __future__ import annotations

import numpy as np
from napari.components import ViewerModel
from napari.layers import Labels

from napari_catsam.errors import LabelsError
from napari_catsam.plugin.layers.mask_writing import (
    Refined,
    WritePolicy,
    Written,
    replace_object,
    write_objects,
)
from napari_catsam.plugin.layers.new_layers import add_labels, check_labels
from napari_catsam.plugin.live.layers import LiveLayers
from napari_catsam.plugin.live.live_object import LiveObject
from napari_catsam.plugin.objects.ids import ObjectIds
from napari_catsam.plugin.objects.picking import PickedObject

__all__ = ["LiveTarget"]


class LiveTarget:
    """Writes new objects into one Labels layer, and refined ones back to where they are from.

    Parameters
    ----------
    viewer : ViewerModel
        Where the layers are.
    ids : ObjectIds
        Gives numbers to new objects.
    """

    def __init__(self, viewer: ViewerModel, ids: ObjectIds) -> None:
        self._viewer, self._ids = viewer, ids
        self._chosen: Labels | None = None
        self._last: Labels | None = None

    @property
    def labels(self) -> Labels | None:
        """The layer of new objects, unless it was removed."""
        return self._chosen if self._chosen in self._viewer.layers else None

    def choose(self, labels: Labels | None) -> None:
        """Write into another layer from now on; into a new one if it is None."""
        self._chosen = self._last = labels

    def add(
        self, live: LiveObject, layers: LiveLayers, policy: WritePolicy
    ) -> tuple[Labels, Written]:
        """Write the mask that is shown as a new object.

        Raises
        ------
        ShotError
            If the chosen layer does not lie on the image.
        LabelsError
            If it cannot be written to.
        """
        target = self.labels
        if target is None:
            self._chosen = target = self._make(layers)
        check_labels(target, layers.image)
        masks = [] if live.reading is None else [live.reading.mask]
        written = write_objects(target, live.plane, masks, policy, self._ids)
        self._last = target
        return target, written

    def replace(
        self, live: LiveObject, picked: PickedObject, layers: LiveLayers, policy: WritePolicy
    ) -> tuple[Labels, Refined]:
        """Write the mask that is shown back under the number of the object that was picked.

        Raises
        ------
        ShotError
            If its layer does not lie on the image any more.
        LabelsError
            If its layer was removed or cannot be written to, or nothing would be left of the object.
        """
        labels = picked.find_layer(self._viewer)
        if labels is None or live.reading is None:
            raise LabelsError(f"the layer of object {picked.id} was removed; press Clear")
        check_labels(labels, layers.image)
        refined = replace_object(labels, live.plane, picked, live.reading.mask, policy)
        self._ids.note_plane(labels, live.plane, np.asarray(labels.data[live.plane.index]))
        self._last = labels
        return labels, refined

    def undo(self) -> None:
        """Take back the last change of the layer that was written to last."""
        if self._last is not None and self._last in self._viewer.layers:
            self._last.undo()

    def _make(self, layers: LiveLayers) -> Labels:
        labels = add_labels(self._viewer, layers.image, f"{layers.image.name} masks")
        # Below the layers that show the object, which stay the ones that get mouse and keys.
        self._viewer.layers.move(
            self._viewer.layers.index(labels), self._viewer.layers.index(layers.mask)
        )
        self._viewer.layers.selection.active = layers.points
        return labels
