"""Makes what is annotated of an object that is there."""

from __future__ import annotations

import numpy as np
from napari.components import ViewerModel
from napari.layers import Image, Labels

from napari_catsam.plugin.layers.new_layers import check_labels, fits
from napari_catsam.plugin.layers.planes import Plane, locate_plane, world_to_data
from napari_catsam.plugin.live.live_object import LiveObject
from napari_catsam.plugin.live.target import LiveTarget
from napari_catsam.plugin.objects.picking import (
    PickedObject,
    list_labels,
    pick_at,
    pick_number,
    pick_object,
)
from napari_catsam.plugin.session import Session

__all__ = ["Refining"]


class Refining:
    """Finds the object to refine, on the plane of an image that the viewer shows.

    All of its methods raise :class:`~napari_catsam.errors.CatsamError` if there is no such plane or no
    such object on it.

    Parameters
    ----------
    viewer : ViewerModel
        Where the layers and the mouse are.
    session : Session
        What is annotated until now; undo leads back to it.
    target : LiveTarget
        Knows which labels are the chosen ones.
    """

    def __init__(self, viewer: ViewerModel, session: Session, target: LiveTarget) -> None:
        self._viewer, self._session, self._target = viewer, session, target

    def at_cursor(self, image: Image) -> LiveObject:
        """Return the object under the mouse, of the uppermost visible labels that have one there."""
        plane = self._locate(image)
        position = np.asarray(self._viewer.cursor.position)[-image.ndim :]
        place = world_to_data(image, self._viewer.dims.units)(position)[list(plane.axes)]
        return self._begin(plane, pick_at(list_labels(self._viewer, image), plane, place))

    def by_number(self, number: int, image: Image) -> LiveObject:
        """Return an object by its label, of the chosen labels or else of the uppermost with it."""
        plane = self._locate(image)
        chosen, known = self._target.labels, list_labels(self._viewer, image)
        if chosen is not None and fits(chosen, image):
            known.insert(0, chosen)
        return self._begin(plane, pick_number(known, plane, number))

    def of_labels(self, labels: Labels, number: int, image: Image) -> LiveObject:
        """Return an object of a Labels layer by its label."""
        check_labels(labels, image)
        plane = self._locate(image)
        return self._begin(plane, pick_object(labels, plane, number))

    def _locate(self, image: Image) -> Plane:
        return locate_plane(self._viewer, image, self._session.channels)

    def _begin(self, plane: Plane, picked: PickedObject) -> LiveObject:
        live = self._session.live
        before = live if live is not None and live.begun and live.lies_on(plane) else None
        return LiveObject.refine(plane, picked, before)
