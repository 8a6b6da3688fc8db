"""The values that flow through napari-catsam: frozen, and checked when they are made.

Arrays are numpy at this border; coordinates are ``(row, column)`` in pixels of the image plane, the
centre of the first pixel being ``(0, 0)``.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from napari_catsam.errors import PromptError, ShotError
from napari_catsam.intensity import FloatArray, Intensity, as_array, check_image

if TYPE_CHECKING:
    from torch import Tensor

    from napari_catsam.geometry import Frame
    from napari_catsam.models.decoded import Detail

__all__ = ["Embedding", "Intensity", "Masks", "Progress", "Prompts", "Shot"]


@dataclass(frozen=True, eq=False)
class Prompts:
    """What the user points at, one row an object; at least one field must be given.

    Parameters
    ----------
    boxes : array_like, (N, 4), optional
        ``[row0, column0, row1, column1]`` in pixels, ``row0 < row1`` and ``column0 < column1``.
    points : array_like, (N, P, 2), optional
        ``(row, column)`` in pixels, P points an object.
    labels : array_like, (N, P), optional
        1 positive, 0 negative, -1 padding (the point is ignored). All positive when left out.
    masks : array_like, (N, H, W), optional
        A coarse mask an object: bool at the size of the image, or float logits (positive inside) at
        the size of the image or as :attr:`Masks.logits` came back.

    Raises
    ------
    PromptError
        If a shape or value is wrong, a box is inverted or empty, or an object has no prompt.
    """

    boxes: npt.ArrayLike | None = None
    points: npt.ArrayLike | None = None
    labels: npt.ArrayLike | None = None
    masks: npt.ArrayLike | None = None

    def __post_init__(self) -> None:
        boxes, points = _as_float(self.boxes, "boxes"), _as_float(self.points, "points")
        masks = None if self.masks is None else as_array(self.masks, PromptError, "mask prompts")
        labels = _check_points(points, self.labels)
        _check_boxes(boxes)
        _check_prompt_masks(masks)
        _check_rows(boxes=boxes, points=points, masks=masks)
        if boxes is None and masks is None and labels is not None and (labels < 0).all(1).any():
            empty = np.flatnonzero((labels < 0).all(1))[0]
            raise PromptError(f"object {empty} has only padding points; give it a real point")
        for name, value in (
            ("boxes", boxes),
            ("points", points),
            ("labels", labels),
            ("masks", masks),
        ):
            object.__setattr__(self, name, value)

    def __len__(self) -> int:
        """Return the number of objects."""
        given = next(v for v in (self.boxes, self.points, self.masks) if v is not None)
        return len(np.asarray(given))

    def select(self, rows: npt.ArrayLike) -> Prompts:
        """Return the prompts of some objects only; ``rows`` indexes the first axis."""
        index = np.asarray(rows)
        pick = {
            name: None if value is None else np.asarray(value)[index]
            for name, value in vars(self).items()
        }
        return Prompts(**pick)


@dataclass(frozen=True, eq=False)
class Embedding:
    """What the image encoder gives for one image; make it once, prompt it many times.

    Attributes
    ----------
    features : Tensor, (1, D, g, g)
        The image embedding.
    early : Tensor, (1, g, g, C)
        Output of the first global-attention block.
    detail : Detail
        What the decoder takes from the image beside the two, and no prompt changes.
    frame : Frame
        How the image lies in the model's input.
    model_id : str
        The model, weights and adapter that made it; another model refuses it.
    """

    features: Tensor
    early: Tensor
    detail: Detail
    frame: Frame
    model_id: str

    @property
    def size(self) -> tuple[int, int]:
        """(H, W) of the image in pixels."""
        return self.frame.size


@dataclass(frozen=True, eq=False)
class Masks:
    """One mask an object.

    Attributes
    ----------
    masks : ndarray, (N, H, W), bool
        At the size of the image.
    scores : ndarray, (N,), float32
        The IoU that SAM's head expects, about 0..1.
    logits : ndarray, (N, h, w), float32
        At the decoder's resolution, in the frame of the model's input; give them back as
        :attr:`Prompts.masks` to refine.
    """

    masks: npt.NDArray[np.bool_]
    scores: FloatArray
    logits: FloatArray

    def __len__(self) -> int:
        """Return the number of objects."""
        return len(self.masks)


@dataclass(frozen=True, eq=False)
class Shot:
    """One image plane with its masks.

    Parameters
    ----------
    image : array_like, (H, W) or (H, W, C)
        Any real dtype.
    masks : array_like, (H, W), int
        Object labels, 0 is background.
    ignore : array_like, (H, W), bool, optional
        Pixels that say nothing, neither object nor background.
    name : str
        Where it comes from, for the adapter's header.

    Raises
    ------
    ShotError
        If sizes differ, labels are not integers, or there is no object.
    """

    image: npt.ArrayLike
    masks: npt.ArrayLike
    ignore: npt.ArrayLike | None = None
    name: str = ""

    def __post_init__(self) -> None:
        image, masks = check_image(self.image), as_array(self.masks, ShotError, "masks")
        if masks.dtype == np.bool_:
            masks = masks.astype(np.uint8)
        if not np.issubdtype(masks.dtype, np.integer):
            raise ShotError(f"masks have dtype {masks.dtype}; labels must be integers")
        if masks.shape != image.shape[:2]:
            raise ShotError(
                f"masks are {_size(masks.shape)}, the image is {_size(image.shape[:2])}; "
                "they must have the same size"
            )
        if masks.min() < 0:
            raise ShotError(f"masks hold the label {masks.min()}; labels must be 0 or more")
        if not masks.any():
            raise ShotError("masks hold no object; draw at least one")
        ignore = None if self.ignore is None else as_array(self.ignore, ShotError, "ignore") != 0
        if ignore is not None and ignore.shape != masks.shape:
            raise ShotError(
                f"ignore is {_size(ignore.shape)}, the masks are {_size(masks.shape)}; "
                "they must have the same size"
            )
        object.__setattr__(self, "image", image)
        object.__setattr__(self, "masks", masks)
        object.__setattr__(self, "ignore", ignore)


@dataclass(frozen=True)
class Progress:
    """How far long work is.

    Attributes
    ----------
    step, total : int
        Steps done and expected; with a time budget ``total`` is an estimate.
    seconds : float
        Since the start.
    loss : float
        Of the last step; NaN before the first.
    iou_before, iou_now : float
        Mean object IoU on held-out masks, of the base model and of the latest check; NaN if unknown.
    stage : str
        What is going on, in a few words.
    preview : object or None
        What a :class:`~napari_catsam.adaptation.preview.Preview` drew, where it did.
    """

    step: int
    total: int
    seconds: float
    loss: float = float("nan")
    iou_before: float = float("nan")
    iou_now: float = float("nan")
    stage: str = ""
    preview: Any = field(default=None, compare=False, repr=False)


def _as_float(value: npt.ArrayLike | None, name: str) -> npt.NDArray[np.float64] | None:
    if value is None:
        return None
    array = as_array(value, PromptError, name, np.float64)
    if not np.isfinite(array).all():
        raise PromptError(f"{name} hold NaN or infinite coordinates; give pixel positions")
    return array


def _check_boxes(boxes: npt.NDArray[np.float64] | None) -> None:
    if boxes is None:
        return
    if boxes.ndim != 2 or boxes.shape[1] != 4 or len(boxes) == 0:
        raise PromptError(
            f"boxes have shape {boxes.shape}, expected (objects, 4) with at least one object"
        )
    for row in boxes[(boxes[:, 0] >= boxes[:, 2]) | (boxes[:, 1] >= boxes[:, 3])]:
        raise PromptError(
            f"box {row.tolist()} is inverted or empty; give row0 < row1 and column0 < column1"
        )


def _check_points(
    points: npt.NDArray[np.float64] | None, labels: npt.ArrayLike | None
) -> npt.NDArray[np.int64] | None:
    if points is None:
        if labels is not None:
            raise PromptError("labels were given without points; give both")
        return None
    if points.ndim != 3 or points.shape[2] != 2 or 0 in points.shape:
        raise PromptError(f"points have shape {points.shape}, expected (objects, points, 2)")
    array = (
        np.ones(points.shape[:2], np.int64)
        if labels is None
        else as_array(labels, PromptError, "labels")
    )
    if array.shape != points.shape[:2]:
        raise PromptError(
            f"labels have shape {array.shape}, expected {points.shape[:2]} as the points"
        )
    if not np.isin(array, (-1, 0, 1)).all():
        wrong = array[~np.isin(array, (-1, 0, 1))][0]
        raise PromptError(
            f"labels hold {wrong}; they must be 1 (positive), 0 (negative) or -1 (padding)"
        )
    return array.astype(np.int64)


def _check_prompt_masks(masks: npt.NDArray[Any] | None) -> None:
    if masks is None:
        return
    if masks.ndim != 3 or 0 in masks.shape:
        raise PromptError(
            f"mask prompts have shape {masks.shape}, expected (objects, rows, columns)"
        )
    if masks.dtype != np.bool_ and masks.dtype.kind != "f":
        raise PromptError(f"mask prompts have dtype {masks.dtype}; give bool masks or float logits")
    if masks.dtype.kind == "f" and not np.isfinite(masks).all():
        raise PromptError("mask prompts hold NaN or infinite logits")


def _check_rows(**given: npt.NDArray[Any] | None) -> None:
    counts = {name: len(value) for name, value in given.items() if value is not None}
    if not counts:
        raise PromptError("there is no prompt; give boxes, points or masks")
    if len(set(counts.values())) > 1:
        listed = ", ".join(f"{count} {name}" for name, count in counts.items())
        raise PromptError(f"prompts disagree on the number of objects: {listed}")


def _size(shape: tuple[int, ...]) -> str:
    return " x ".join(str(n) for n in shape)
