"""What both models are asked about: a plane, what is annotated on it, and which models."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
from napari.components import ViewerModel
from napari.layers import Image, Labels

from napari_catsam.errors import ImageError
from napari_catsam.plugin.device.engine import ModelChoice
from napari_catsam.plugin.layers.new_layers import fits
from napari_catsam.plugin.layers.planes import Plane, locate_plane
from napari_catsam.plugin.objects.ids import is_in_memory
from napari_catsam.plugin.session import Session

__all__ = ["Outlook", "Steps", "make_outlook"]

Steps = tuple[int, ...]
"""Places along the hidden axes."""


@dataclass(frozen=True, eq=False)
class Outlook:
    """What is to be looked at, and with which models.

    Attributes
    ----------
    plane : Plane
        A plane of the image; parallel ones are looked at if there are any.
    labels : array_like or None
        What is annotated already, of the shape of the image without channels.
    base : ModelChoice
        The base model.
    adapted : ModelChoice or None
        To compare with, if there is an adapter.
    """

    plane: Plane
    labels: Any
    base: ModelChoice
    adapted: ModelChoice | None

    @property
    def hidden(self) -> Steps:
        """The axes along which there are other planes."""
        axes = (axis for axis, _ in self.plane.position if axis != self.plane.channel_axis)
        return tuple(axis for axis in axes if self.plane.data.shape[axis] > 1)

    def at(self, steps: Steps) -> Plane:
        """Return the plane at positions along the hidden axes."""
        return self.plane.at([*zip(self.hidden, steps, strict=True)])

    def read_labels(self, plane: Plane) -> npt.NDArray[Any]:
        """Return the labels (H, W) of a plane, all 0 where there are none."""
        if self.labels is None:
            return np.zeros(plane.size, np.uint8)
        return plane.read_labels(self.labels)


def make_outlook(
    viewer: ViewerModel, session: Session, image: Image | None, masks: Labels | None
) -> Outlook:
    """Read what the viewer shows and which models there are; main thread only.

    Labels that do not lie on the image, or are not in memory, are left out.

    Raises
    ------
    ImageError
        If there is no image, or the viewer shows no plane of it.
    """
    if image is None:
        raise ImageError("open an image")
    plane = locate_plane(viewer, image, session.channels)
    known = masks is not None and fits(masks, image) and is_in_memory(masks.data)
    adapted = None
    if session.adapter_fits:
        name = session.adapter_name
        adapted = replace(session.base, adapter=session.adapter, adapter_name=name)
    labels = masks.data if masks is not None and known else None
    return Outlook(plane, labels, session.base, adapted)
