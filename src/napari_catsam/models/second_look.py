"""What happens to the decoder's masks of a small backbone before they are shown.

What the prompts say for certain is put into the logits (:mod:`napari_catsam.sam.box_prior`), then each
mask is corrected in a crop around its object (:mod:`napari_catsam.sam.refiner`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from napari_catsam.geometry import flip_xy
from napari_catsam.models.decoded import Decoded
from napari_catsam.models.parts import join_to_clicks
from napari_catsam.models.prompt_tensors import boxes_to_rows
from napari_catsam.sam.box_prior import box_limit, kept_mask
from napari_catsam.sam.crops import crops_of_boxes, crops_of_masks
from napari_catsam.sam.refiner import fade, view_objects

if TYPE_CHECKING:
    from napari_catsam.models.decoded import Correction
    from napari_catsam.models.prompt_tensors import PromptTensors
    from napari_catsam.sam.crops import Crops
    from napari_catsam.sam.refiner import MaskRefiner, View

__all__ = ["apply_prior", "refine_masks"]


def apply_prior(decoded: Decoded, prompts: PromptTensors, side: int) -> Decoded:
    """Add the earlier mask to the logits, and end them with the box.

    Parameters
    ----------
    decoded : Decoded
        K masks of N objects.
    prompts : PromptTensors
        What they were decoded from.
    side : int
        Side of the model's square input in pixels.
    """
    logits, sizes = decoded.logits, (side, decoded.logits.shape[-1])
    if prompts.masks is not None:
        points = None if prompts.points is None else flip_xy(prompts.points)
        logits = logits + kept_mask(points, prompts.labels, prompts.masks, *sizes)
    if prompts.boxes is not None:
        logits = logits + box_limit(boxes_to_rows(prompts.boxes), *sizes)
    return Decoded(logits, decoded.scores)


def refine_masks(
    refiner: MaskRefiner,
    decoded: Decoded,
    image: torch.Tensor,
    prompts: PromptTensors,
    correction: Correction | None = None,
) -> Decoded:
    """Add what a head changes, within limits, then correct SAM's single mask of each object in its crop.

    The three readings of a lone click are not refined: a second look would take a third of the time of
    such a click again. Without a box, parts that no click lies on are left out first: they would widen
    the crop. What the head adds may have several parts, as its objects may, and stays.

    Parameters
    ----------
    refiner : MaskRefiner
        The backbone's.
    decoded : Decoded
        K = 4 masks of N objects.
    image : Tensor, (1, 3, S, S)
        The model's normalised input.
    prompts : PromptTensors
        What the masks were decoded from.
    correction : Correction, optional
        Of a trained head. The refiner sees masks with it, so that what is learnt need not fight it.
    """
    side = image.shape[-1]
    if not prompts.lone_click and prompts.boxes is None:
        joined = join_to_clicks(decoded.logits[:, 0], prompts, side)
        decoded = decoded.with_first(joined, decoded.scores[:, 0])
    if prompts.lone_click:
        return decoded if correction is None else correction.add_to(decoded)
    if correction is not None:
        whole = correction.add_to(decoded).logits[:, 0]
        decoded = correction.limit(fade(_crop(whole, prompts, side))).add_to(decoded)
    logits, scores = decoded.logits[:, 0], decoded.scores[:, 0]
    crops, view = _look(logits, image, prompts)
    trust = None if correction is None else correction.trust
    return decoded.with_first(*refiner.refine(view, crops, logits, scores, trust))


@torch.no_grad()
def _look(logits: torch.Tensor, image: torch.Tensor, prompts: PromptTensors) -> tuple[Crops, View]:
    """Cut out what there is to see of one mask (N, h, w) an object."""
    crops = _crop(logits, prompts, image.shape[-1])
    points = None if prompts.points is None else flip_xy(prompts.points)
    boxes = None if prompts.boxes is None else boxes_to_rows(prompts.boxes)
    return crops, view_objects(image, logits, crops, boxes, points, prompts.labels)


@torch.no_grad()
def _crop(logits: torch.Tensor, prompts: PromptTensors, side: int) -> Crops:
    """Crop around the boxes, or else around the masks (N, h, w) and the clicks."""
    if prompts.boxes is not None:
        return crops_of_boxes(boxes_to_rows(prompts.boxes), side)
    points = None if prompts.points is None else flip_xy(prompts.points)
    return crops_of_masks(logits, points, prompts.labels, side)
