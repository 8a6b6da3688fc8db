"""What the model in training makes of the plane that is shown: the worker's side of it."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from napari_catsam.plugin.adapt.boxes import list_boxes
from napari_catsam.plugin.device.library import PredictorLike
from napari_catsam.plugin.layers.new_layers import ObjectMask
from napari_catsam.plugin.layers.planes import Plane
from napari_catsam.types import Prompts

__all__ = ["PreviewPicture", "PreviewWish", "TrainingPreview"]

PAUSE = 3.0
"""Seconds between two pictures."""

SHARE = 0.2
"""Of the time, what pictures may take on a slow device."""

MOST_OBJECTS = 24
"""Of a plane; the largest."""

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class PreviewWish:
    """What is to be seen.

    Attributes
    ----------
    plane : Plane
        Of the image.
    prompts : Prompts or None
        Of the object that is being annotated.
    labels : array_like or None
        Without prompts, the boxes of these objects on the plane are asked: a Labels layer's data.
    """

    plane: Plane
    prompts: Prompts | None = None
    labels: Any = None

    def read_prompts(self) -> Prompts | None:
        """Return what is asked; None if there is nothing on the plane."""
        if self.prompts is not None or self.labels is None:
            return self.prompts
        boxes = list_boxes(self.plane.read_labels(self.labels), MOST_OBJECTS)
        return Prompts(boxes=boxes) if len(boxes) else None


@dataclass(frozen=True, eq=False)
class PreviewPicture:
    """What a model makes of a plane.

    Attributes
    ----------
    plane : Plane
        Which one.
    corner : (int, int)
        Row and column of the first pixel.
    objects : ndarray, (h, w), int
        The masks by number, 0 is background.
    count : int
        How many were asked for.
    """

    plane: Plane
    corner: tuple[int, int]
    objects: npt.NDArray[np.uint8]
    count: int

    @classmethod
    def draw(cls, plane: Plane, masks: Sequence[ObjectMask]) -> PreviewPicture:
        """Draw masks, 255 at most, one over the other; the later ones lie on top."""
        seen = [mask for mask in masks if mask.mask.any()]
        if not seen:
            return cls(plane, (0, 0), np.zeros((0, 0), np.uint8), len(masks))
        corners = np.array([mask.corner for mask in seen])
        ends = corners + [mask.mask.shape for mask in seen]
        corner = corners.min(axis=0)
        objects = np.zeros(ends.max(axis=0) - corner, np.uint8)
        for number, mask in enumerate(masks, 1):
            row, column = np.subtract(mask.corner, corner)
            height, width = mask.mask.shape
            if mask.mask.any():
                objects[row : row + height, column : column + width][mask.mask] = number
        return cls(plane, (int(corner[0]), int(corner[1])), objects, len(masks))


class TrainingPreview:
    """Draws what is wished now and then; a :class:`~napari_catsam.adaptation.preview.Preview`.

    Parameters
    ----------
    make_predictor : callable
        Makes a predictor of a model.
    pause : float
        Seconds between two pictures, at least.

    Attributes
    ----------
    wish : PreviewWish or None
        None for nothing. Set from the main thread, as a whole; read by the worker.
    """

    def __init__(
        self, make_predictor: Callable[[Any], PredictorLike], pause: float = PAUSE
    ) -> None:
        self.wish: PreviewWish | None = None
        self._make_predictor, self._pause = make_predictor, pause
        self._next = time.monotonic()

    @property
    def due(self) -> bool:
        """Whether there is a wish, and the last picture is old enough."""
        return self.wish is not None and time.monotonic() >= self._next

    def draw(self, model: Any) -> PreviewPicture | None:
        """Draw what is wished; None if there is nothing on the plane, or it cannot be drawn."""
        wish, started = self.wish, time.monotonic()
        try:
            return None if wish is None else self._draw(model, wish)
        except Exception:  # noqa: BLE001  (a picture is not worth a training)
            _LOG.warning("cannot draw what the model in training makes of it", exc_info=True)
            return None
        finally:
            now = time.monotonic()
            self._next = now + max(self._pause, (now - started) / SHARE)

    def _draw(self, model: Any, wish: PreviewWish) -> PreviewPicture | None:
        prompts = wish.read_prompts()
        if prompts is None:
            return None
        predictor, plane = self._make_predictor(model), wish.plane
        embedding = predictor.embed(plane.read(), plane.intensity)
        masks = predictor.predict(embedding, prompts).masks
        return PreviewPicture.draw(plane, [ObjectMask.cut(mask, 0.0) for mask in masks])
