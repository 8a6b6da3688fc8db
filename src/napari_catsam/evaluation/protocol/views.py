"""A view of a training image: flipped and cropped, its objects, and one kind of prompt for them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import numpy.typing as npt

from napari_catsam.evaluation.datasets.base import draw_objects, find_objects
from napari_catsam.evaluation.protocol.prompts import prompt_boxes, prompt_masks, prompt_points
from napari_catsam.types import Prompts

if TYPE_CHECKING:
    from napari_catsam.evaluation.datasets.base import MaskNoise, ObjectRule
    from napari_catsam.evaluation.protocol.draws import Draws

__all__ = ["Recipe", "TrainingImage", "TrainingView", "draw_view"]

LEAST_AREA = 0.1
"""A crop covers from this share of the image up to all of it."""

Array = npt.NDArray[Any]
BoolArray = npt.NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class TrainingImage:
    """An image to train on.

    Attributes
    ----------
    name : str
    rgb : ndarray, (H, W, 3), float32
        In 0..255.
    mask : ndarray, (H, W), integer
        Before it is split into objects, 0 is background.
    ignored : ndarray, (H, W), bool, or None
        Pixels that do not count, where some are held out.
    """

    name: str
    rgb: npt.NDArray[np.float32]
    mask: Array
    ignored: BoolArray | None = None


@dataclass(frozen=True, eq=False)
class TrainingView:
    """What one image contributes to a step.

    Attributes
    ----------
    rgb : ndarray, (H, W, 3), float32
        In 0..255, in the view's own size.
    masks : ndarray, (N, H, W), bool
        The objects; one empty mask where there are none.
    prompts : Prompts or None
        N rows of one kind, None where there is no object.
    kind : str
        Of the prompts.
    ignored : ndarray, (H, W), bool, or None
        Pixels that do not count.
    """

    rgb: npt.NDArray[np.float32]
    masks: BoolArray
    prompts: Prompts | None
    kind: str
    ignored: BoolArray | None = None


@dataclass(frozen=True)
class Recipe:
    """How views are drawn.

    Attributes
    ----------
    flips, crops : bool
        Whether there are any.
    prompts : tuple of str
        The kinds of which one is drawn.
    rule : ObjectRule
        What an object is, in each view anew.
    noise : MaskNoise
        Of mask prompts.
    low_resolution : int
        Side of mask prompts in pixels.
    """

    flips: bool
    crops: bool
    prompts: tuple[str, ...]
    rule: ObjectRule
    noise: MaskNoise
    low_resolution: int


def draw_view(image: TrainingImage, recipe: Recipe, draws: Draws) -> TrainingView:
    """Draw one view. The order of the draws is that of the released recipe."""
    arrays: list[Array] = [image.rgb, image.mask]
    arrays += [] if image.ignored is None else [image.ignored]
    if recipe.flips:
        arrays = _flip(arrays, draws)
    if recipe.crops:
        arrays = _crop(arrays, draws)
    kind = draws.views.choice(recipe.prompts)
    rgb, mask, ignored = arrays[0], arrays[1], arrays[2] if len(arrays) > 2 else None
    # Of the generator, only a permutation is drawn, which both kinds of numpy's have.
    objects = draw_objects(find_objects(mask, recipe.rule), recipe.rule, cast("Any", draws.objects))
    count = int(objects.max(initial=0))
    if not count:
        return TrainingView(rgb, np.zeros((1, *objects.shape), bool), None, kind, ignored)
    masks = objects == np.arange(1, count + 1)[:, None, None]
    return TrainingView(rgb, masks, _prompt(kind, masks, recipe, draws), kind, ignored)


def _prompt(kind: str, masks: BoolArray, recipe: Recipe, draws: Draws) -> Prompts:
    if kind == "box":
        return Prompts(boxes=prompt_boxes(masks))
    if kind == "point":
        return Prompts(points=prompt_points(masks, draws.objects)[:, None])
    return Prompts(masks=prompt_masks(masks, recipe.low_resolution, recipe.noise, draws.noise))


def _flip(arrays: list[Array], draws: Draws) -> list[Array]:
    """Turn upside down, and left to right, each in every second view."""
    if draws.views.random() < 0.5:
        arrays = [array[::-1] for array in arrays]
    if draws.views.random() < 0.5:
        arrays = [array[:, ::-1] for array in arrays]
    return [np.ascontiguousarray(array) for array in arrays]


def _crop(arrays: list[Array], draws: Draws) -> list[Array]:
    """Cut out a window of the image's own aspect."""
    rows, columns = arrays[0].shape[:2]
    draws.views.random()  # the released recipe draws whether to crop, and always does
    height, width = _draw_size(rows, columns, draws)
    top = draws.views.randint(0, rows - height)
    left = draws.views.randint(0, columns - width)
    return [array[top : top + height, left : left + width] for array in arrays]


def _draw_size(rows: int, columns: int, draws: Draws) -> tuple[int, int]:
    while True:
        area = draws.views.uniform(LEAST_AREA, 1.0) * rows * columns
        height = round(math.sqrt(area * rows / columns))
        width = round(math.sqrt(area * columns / rows))
        if 0 < height <= rows and 0 < width <= columns:
            return height, width
