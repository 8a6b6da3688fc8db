"""A layer that shows what a model makes of a plane."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from napari.components import ViewerModel
from napari.layers import Image, Labels

from napari_catsam.plugin.adapt.preview import PreviewPicture
from napari_catsam.plugin.layers.own import OWN, is_own
from napari_catsam.plugin.layers.planes import data_to_world
from napari_catsam.plugin.layers.redrawing import draw_windows
from napari_catsam.plugin.live.layers import lift

__all__ = ["ADAPTED", "BASE", "NAME", "PreviewLayer", "draw_objects"]

INSIDE, OUTLINE = 1, 2
"""What pixels of the layer are; without outlines, objects that touch would look like one."""

ADAPTED, BASE = "#ffb000", "#3ea6ff"
"""Colours by the model that drew; not those of a mask that can be accepted."""

SHARE_INSIDE = "48"
"""How opaque the inside is, of FF."""

NAME = "preview of the training"


class PreviewLayer:
    """One layer on an image, there as long as there is a picture; nobody writes it anywhere.

    Parameters
    ----------
    viewer : ViewerModel
        Where it is added.
    name : str
        Of the layer.
    """

    def __init__(self, viewer: ViewerModel, name: str = NAME) -> None:
        self._viewer, self._name = viewer, name
        self._layer: Labels | None = None
        self._colour = ""

    @property
    def layer(self) -> Labels | None:
        """The layer, if it is there."""
        known = any(layer is self._layer for layer in self._viewer.layers)
        return self._layer if known else None

    def show(self, image: Image, picture: PreviewPicture, colour: str = ADAPTED) -> None:
        """Show a picture on the image that it is of, in a colour, in place of the one before."""
        layer = self.layer or self._add(image)
        shape = [1] * image.ndim
        objects = picture.objects if picture.objects.size else np.zeros((1, 1), np.uint8)
        shape[picture.plane.axes[0]], shape[picture.plane.axes[1]] = objects.shape
        matrix, affine = data_to_world(image), np.eye(image.ndim + 1)
        affine[:-1, :-1] = matrix.matrix
        affine[:-1, -1] = matrix(lift(picture.plane, [picture.corner])[0])
        layer.data = draw_objects(objects).reshape(shape)
        layer.affine = affine
        if colour != self._colour:
            layer.colormap = make_colours(colour)
            self._colour = colour

    def remove(self) -> None:
        """Take it out of the viewer, if it is there."""
        layer, self._layer = self.layer, None
        if layer is not None:
            draw_windows()
            self._viewer.layers.remove(layer)

    def _add(self, image: Image) -> Labels:
        """Add it below the prompts of the object that is annotated; that stays selected."""
        layers = self._viewer.layers
        layer = Labels(
            np.zeros((1,) * image.ndim, np.uint8), name=self._name, opacity=1.0,
            metadata={OWN: True}, units=image.units, axis_labels=image.axis_labels,
        )  # fmt: skip
        active, selected = layers.selection.active, set(layers.selection)
        place = next((i for i, known in enumerate(layers) if is_own(known)), len(layers))
        layers.insert(place, layer)
        layers.selection.clear()
        layers.selection.update(selected)
        layers.selection.active = active
        self._layer, self._colour = layer, ""
        return layer


def make_colours(colour: str) -> dict[int | None, str]:
    """Return the colour of each value of the layer: of one colour, the inside of objects paler."""
    inside = f"{colour}{SHARE_INSIDE}"
    return {0: "transparent", INSIDE: inside, OUTLINE: colour, None: colour}


def draw_objects(objects: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """Return what each pixel of numbered objects (h, w) is: 0, or inside or the outline of one.

    The outline is the pixels of an object beside which, above, below, left or right, is another
    value, or the end of the array. napari's own contour filters with a footprint, which takes long
    where the plane is large, and it leaves objects open where the array ends.
    """
    around = np.pad(objects, 1)
    edge = np.zeros(objects.shape, np.bool_)
    for neighbours in (around[:-2, 1:-1], around[2:, 1:-1], around[1:-1, :-2], around[1:-1, 2:]):
        edge |= neighbours != objects
    drawn = np.where(edge, OUTLINE, INSIDE).astype(np.uint8)
    drawn[objects == 0] = 0
    return drawn
