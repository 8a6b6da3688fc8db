"""What the released API takes: images and prompts as tensors or lists, in ``(x, y)`` order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import torch

from napari_catsam.errors import ImageError, PromptError
from napari_catsam.geometry import flip_xy
from napari_catsam.models.catsam import PromptTensors

if TYPE_CHECKING:
    from napari_catsam.geometry import Frame

__all__ = ["Coordinates", "ReleasedPrompt", "list_images", "list_prompts"]

Coordinates: TypeAlias = torch.Tensor | Sequence[Any] | None
"""A tensor, a list with one entry an image (None where there is none), or None."""


@dataclass(frozen=True, eq=False)
class ReleasedPrompt:
    """The prompts of one image, in its pixels and in ``(x, y)``.

    Attributes
    ----------
    points : Tensor, (N, P, 2), or None
        ``(x, y)``.
    labels : Tensor, (N, P), or None
        1 positive, 0 negative, -1 padding; every point is positive when left out.
    boxes : Tensor, (N, 4), or None
        ``[x0, y0, x1, y1]``.
    masks : Tensor, (N, 1, h, w), or None
        Logits at the decoder's resolution.
    """

    points: torch.Tensor | None = None
    labels: torch.Tensor | None = None
    boxes: torch.Tensor | None = None
    masks: torch.Tensor | None = None

    def to_input(self, frame: Frame) -> PromptTensors:
        """Bring the coordinates to the model's input."""
        points, labels, boxes = self.points, self.labels, self.boxes
        if points is not None:
            points = frame.points_to_input(flip_xy(points).cpu())
            labels = torch.ones(points.shape[:2]) if labels is None else labels
            if labels.shape != points.shape[:2]:
                raise PromptError(
                    f"point_labels has an entry of shape {tuple(labels.shape)}, its points have "
                    f"{tuple(points.shape[:2])}"
                )
            labels = labels.long()
        if boxes is not None:
            boxes = frame.boxes_to_input(flip_xy(boxes.reshape(-1, 2, 2)).reshape(-1, 4).cpu())
        return PromptTensors(boxes=boxes, points=points, labels=labels, masks=self.masks)


def list_images(img: Any) -> list[torch.Tensor]:
    """Bring images to a list of ``(3, H, W)`` float32 tensors.

    Parameters
    ----------
    img : Tensor or list of Tensor
        ``(H, W)``, ``(1, H, W)``, ``(3, H, W)``, a batch ``(B, C, H, W)``, or a list.

    Raises
    ------
    ImageError
        If there is none, a shape is wrong, or a value is not finite.
    """
    if hasattr(img, "ndim"):  # a tensor, or a numpy array
        images = list(img) if img.ndim == 4 else [img]
    else:
        images = list(img)
    if not images:
        raise ImageError("the list of images is empty; give at least one image")
    return [_check_image(one) for one in images]


def list_prompts(
    count: int,
    point_coords: Coordinates,
    box_coords: Coordinates,
    point_labels: Coordinates = None,
    noisy_masks: Coordinates = None,
) -> list[ReleasedPrompt]:
    """Bring prompts to one :class:`ReleasedPrompt` an image.

    Parameters
    ----------
    count : int
        Number of images.
    point_coords, box_coords, point_labels, noisy_masks : Tensor or list, optional
        As the released API takes them.

    Raises
    ------
    PromptError
        If a shape is wrong, a value is not finite, or the number of entries is not ``count``.
    """
    points = _list_entries(point_coords, count, "point_coords", 3)
    labels = _list_entries(point_labels, count, "point_labels", 2)
    boxes = _list_entries(box_coords, count, "box_coords", 2)
    masks = _list_entries(noisy_masks, count, "noisy_masks", 4)
    _check_last(points, "point_coords", 2)
    _check_last(boxes, "box_coords", 4)
    return [ReleasedPrompt(*parts) for parts in zip(points, labels, boxes, masks, strict=True)]


def _check_image(given: Any) -> torch.Tensor:
    """Return an image as (3, H, W) float32."""
    try:
        image = torch.as_tensor(given)
    except (TypeError, ValueError, RuntimeError) as error:
        raise ImageError(f"an image is a {type(given).__name__}; give a tensor") from error
    if image.ndim == 2:
        image = image[None]
    if image.ndim != 3 or image.shape[0] not in (1, 3) or 0 in image.shape:
        raise ImageError(
            f"an image has shape {tuple(image.shape)}; give (H, W), (1, H, W) or (3, H, W)"
        )
    image = image.float().expand(3, -1, -1)
    if not torch.isfinite(image).all():
        raise ImageError("an image holds NaN or infinite values; replace them first")
    return image


def _list_entries(
    given: Coordinates, count: int, name: str, dims: int
) -> list[torch.Tensor | None]:
    """Bring a prompt to one tensor of ``dims`` axes an image, or None."""
    if given is None:
        return [None] * count
    if hasattr(given, "ndim"):
        entries: list[Any] = list(given) if given.ndim == dims + 1 else [given]
    else:
        entries = list(given)
    if len(entries) != count:
        raise PromptError(
            f"{name} has {len(entries)} entries for {count} images; give one an image"
        )
    return [_check_entry(entry, name, dims) for entry in entries]


def _check_entry(entry: Any, name: str, dims: int) -> torch.Tensor | None:
    if entry is None:
        return None
    try:
        tensor = torch.as_tensor(entry, dtype=torch.float32)
    except (TypeError, ValueError, RuntimeError) as error:
        raise PromptError(f"{name} has an entry that is no regular array of numbers") from error
    if tensor.numel() == 0:
        return None
    if not torch.isfinite(tensor).all():
        raise PromptError(f"{name} holds NaN or infinite values; give pixel positions")
    if dims == 4 and tensor.ndim in (2, 3):  # mask prompts (h, w) and (N, h, w)
        return tensor.reshape(-1, 1, *tensor.shape[-2:])
    if tensor.ndim == dims - 1:
        tensor = tensor[None]
    if tensor.ndim != dims:
        raise PromptError(
            f"{name} has an entry of shape {tuple(tensor.shape)}; expected {dims} axes"
        )
    return tensor


def _check_last(entries: list[torch.Tensor | None], name: str, last: int) -> None:
    for entry in entries:
        if entry is not None and entry.shape[-1] != last:
            raise PromptError(
                f"{name} has an entry of shape {tuple(entry.shape)}; expected {entry.ndim} axes, "
                f"the last of {last}"
            )
