"""The prompts of some objects as a model takes them."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from napari_catsam.geometry import flip_xy

if TYPE_CHECKING:
    import torch

__all__ = ["PromptTensors", "boxes_to_rows"]


class PromptTensors(NamedTuple):
    """The prompts of N objects in the frame of the model's input; at least one is given.

    Attributes
    ----------
    boxes : Tensor, (N, 4), or None
        ``[x0, y0, x1, y1]`` in input pixels.
    points : Tensor, (N, P, 2), or None
        ``(x, y)`` in input pixels.
    labels : Tensor, (N, P), or None
        1 positive, 0 negative, -1 padding.
    masks : Tensor, (N, 1, 4g, 4g), or None
        Logits.
    """

    boxes: torch.Tensor | None = None
    points: torch.Tensor | None = None
    labels: torch.Tensor | None = None
    masks: torch.Tensor | None = None

    @property
    def lone_click(self) -> bool:
        """Whether an object has one point and nothing else: the case that SAM reads in three ways."""
        alone = self.boxes is None and self.masks is None
        return alone and self.points is not None and self.points.shape[1] == 1

    def to(self, device: torch.device) -> PromptTensors:
        """Move all tensors to a device."""
        return PromptTensors(*(None if value is None else value.to(device) for value in self))


def boxes_to_rows(boxes: torch.Tensor) -> torch.Tensor:
    """Return ``(x0, y0, x1, y1)`` as ``(r0, c0, r1, c1)``; shape ``(N, 4)``."""
    return flip_xy(boxes.reshape(-1, 2, 2)).reshape(-1, 4)
