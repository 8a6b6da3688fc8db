"""Where shots come from: an image layer and the labels on it, read by a worker."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from napari_catsam.errors import ShotError
from napari_catsam.plugin.layers.planes import Plane
from napari_catsam.types import Shot

__all__ = ["LabelledPlane", "ShotSource"]


@dataclass(frozen=True, eq=False)
class LabelledPlane:
    """A plane of an image, not read yet, and the labels on it.

    Attributes
    ----------
    plane : Plane
        Of the image.
    masks : ndarray, (H, W), int
        With at least one object.
    name : str
        Of the layer, and which of its planes it is.
    ignore : ndarray, (H, W), bool, or None
        Pixels that say nothing.
    """

    plane: Plane
    masks: npt.NDArray[Any]
    name: str
    ignore: npt.NDArray[np.bool_] | None = None


@dataclass(frozen=True, eq=False)
class ShotSource:
    """Where shots come from: an image and the labels on it, neither read yet.

    Attributes
    ----------
    plane : Plane
        A plane of the image; every parallel plane with labels becomes a shot.
    labels : array_like, int
        Of the shape of the image without channels.
    pixel_size : (float, float)
        Row and column spacing in the world.
    ignore : array_like, int, or None
        Where it is not 0, pixels say nothing; of the shape of ``labels``.
    """

    plane: Plane
    labels: Any
    pixel_size: tuple[float, float]
    ignore: Any = None

    def find(self) -> list[LabelledPlane]:
        """Find the planes that have labels; the image is not read.

        Raises
        ------
        ShotError
            If there are none.
        """
        labels = np.asarray(self.labels)
        if self.plane.channel_axis is not None:
            # The planes along it are one image to the model, on whichever of them the masks are.
            labels = labels.max(axis=self.plane.channel_axis, keepdims=True)
        hidden = tuple(axis for axis, _ in self.plane.position)
        found = []
        for steps in np.argwhere((labels != 0).any(axis=self.plane.axes)) if hidden else [()]:
            plane = self.plane.at([*zip(hidden, map(int, steps), strict=True)])
            masks = labels[plane.index].copy()
            if masks.any():
                where = f" [{', '.join(map(str, steps))}]" if hidden else ""
                name = self.plane.name + where
                found.append(LabelledPlane(plane, masks, name, self._read_ignored(plane)))
        if not found:
            raise ShotError("the labels hold no mask; draw at least one and press Adapt again")
        return found

    def read(self) -> list[Shot]:
        """Read the planes that have labels.

        Raises
        ------
        ShotError
            If there are none.
        """
        return [
            Shot(found.plane.read(), found.masks, found.ignore, found.name) for found in self.find()
        ]

    def _read_ignored(self, plane: Plane) -> npt.NDArray[np.bool_] | None:
        return None if self.ignore is None else plane.read_labels(self.ignore) != 0
