"""What the user can do with an object that is in a Labels layer: delete it, go to it, refine it."""

from __future__ import annotations

from enum import StrEnum

from napari.components import ViewerModel
from napari.layers import Image, Labels
from napari.utils.notifications import show_error
from psygnal import Signal

from napari_catsam.errors import CatsamError, ImageError, LabelsError
from napari_catsam.plugin.layers.mask_writing import Refined, Written
from napari_catsam.plugin.layers.new_layers import fits
from napari_catsam.plugin.layers.pixel_editing import erase_object
from napari_catsam.plugin.live.commands import LiveCommands
from napari_catsam.plugin.objects.ids import ObjectIds, is_in_memory
from napari_catsam.plugin.objects.places import (
    Index,
    ObjectPlace,
    find_object,
    show_place,
    shown_index,
)
from napari_catsam.plugin.session import Session
from napari_catsam.plugin.wording import Trouble

__all__ = ["Extent", "ObjectCommands"]


class Extent(StrEnum):
    """How much of an object is meant."""

    PLANE = "on this plane"
    LAYER = "on all planes"


class ObjectCommands:
    """Acts on objects by their number; each change is one Ctrl+Z of its layer.

    What cannot be done is said in a notification and in the session's note.

    Parameters
    ----------
    viewer : ViewerModel
        Where the layers are.
    session : Session
        Its note says what was done.
    live : LiveCommands
        Refines objects.
    ids : ObjectIds
        Knows on which planes of lazy data an object was seen.
    """

    objects_changed = Signal(object, object)
    """A Labels layer, and a tuple of the numbers of its objects that were written, refined or
    deleted, or lost pixels to those."""

    def __init__(
        self, viewer: ViewerModel, session: Session, live: LiveCommands, ids: ObjectIds
    ) -> None:
        self._viewer, self._session, self._live, self._ids = viewer, session, live, ids
        live.accepted.connect(self.report)
        live.refined.connect(self._on_refined)

    def report(self, labels: Labels, written: Written) -> None:
        """Tell that new objects were written into a layer."""
        self.objects_changed.emit(labels, (*written.ids, *written.changed))

    def delete(self, labels: Labels, number: int, extent: Extent = Extent.LAYER) -> None:
        """Take an object out of its layer.

        Of data that are not in memory, the plane that is shown and those that were looked at are
        searched.

        Parameters
        ----------
        labels : Labels
            Where it is.
        number : int
            The object's label.
        extent : Extent
            Whether all planes are meant.
        """
        try:
            indices = self._list_indices(labels, number, extent)
            pixels = erase_object(labels, number, indices)
            if not pixels:
                raise LabelsError(f"{labels.name!r} has no object {number} {extent}")
        except CatsamError as error:
            self._fail(error)
            return
        partly = extent is Extent.LAYER and not is_in_memory(labels.data)
        seen = "; planes that were not looked at may hold more of it" if partly else ""
        self._session.note = f"object {number} deleted from {labels.name} (Ctrl+Z there){seen}"
        self.objects_changed.emit(labels, (number,))

    def jump_to(self, labels: Labels, number: int) -> None:
        """Show the plane that has most of an object, unless one with it is shown, and bring it in sight.

        Of data that are not in memory, the plane that is shown and those that were looked at are
        searched.

        Parameters
        ----------
        labels : Labels
            Where it is.
        number : int
            The object's label.
        """
        try:
            show_place(self._viewer, labels, self._find(labels, number))
        except CatsamError as error:
            self._fail(error)

    def refine(self, labels: Labels, number: int) -> None:
        """Let prompts change an object; goes to it, and begins to annotate its image if need be.

        Parameters
        ----------
        labels : Labels
            Where it is.
        number : int
            The object's label.
        """
        try:
            place = self._find(labels, number)
            image = self._find_image(labels)
        except CatsamError as error:
            self._fail(error)
            return
        if self._live.image is None or not fits(labels, self._live.image):
            self._live.start(image, labels)
        show_place(self._viewer, labels, place)
        self._live.refine(labels, number)

    def _list_indices(self, labels: Labels, number: int, extent: Extent) -> list[Index]:
        if extent is Extent.LAYER and is_in_memory(labels.data):
            return [(slice(None),) * labels.ndim]
        shown = shown_index(self._viewer, labels)
        if extent is Extent.PLANE:
            return [shown]
        known = self._ids.find_planes(labels, number)
        return [shown, *(index for index in known if index != shown)]

    def _find(self, labels: Labels, number: int) -> ObjectPlace:
        known = self._ids.find_planes(labels, number)
        return find_object(self._viewer, labels, number, known)

    def _find_image(self, labels: Labels) -> Image:
        for layer in reversed(self._viewer.layers):
            if isinstance(layer, Image) and fits(labels, layer):
                return layer
        raise ImageError(
            f"no image lies under {labels.name!r}; open the image that the labels belong to"
        )

    def _on_refined(self, labels: Labels, refined: Refined) -> None:
        self.objects_changed.emit(labels, (refined.id, *refined.changed))

    def _fail(self, error: CatsamError) -> None:
        show_error(str(error))
        self._session.note = Trouble(str(error))
