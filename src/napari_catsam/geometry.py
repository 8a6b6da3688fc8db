"""All resizing, and every change between ``(row, column)`` and SAM's ``(x, y)``.

A :class:`Frame` says how one image lies in the square input of a model. Points of the image are
numpy ``(row, column)`` pixels; points of the model are torch ``(x, y)`` input pixels.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F

from napari_catsam.errors import PromptError

__all__ = ["Frame", "Resizing", "boxes_from_masks", "flip_xy", "resize_maps"]

PIXEL_MEAN = (123.675, 116.28, 103.53)
PIXEL_STD = (58.395, 57.12, 57.375)
"""SAM's normalisation of RGB in 0..255 (ImageNet statistics)."""

MASK_PROMPT_LOGIT = 8.0
"""Logit of a bool mask prompt: sure, and of the size that SAM's own logits have."""


@dataclass(frozen=True)
class Resizing:
    """One step of the way from the model's input to the image, bilinear.

    Attributes
    ----------
    before, after : (int, int)
        Height and width in pixels.
    kept : (int, int)
        What stays of ``after``, from the first row and column on.
    """

    before: tuple[int, int]
    after: tuple[int, int]
    kept: tuple[int, int]


@dataclass(frozen=True)
class Frame:
    """How an image lies in a model's square input.

    Parameters
    ----------
    size : (int, int)
        (H, W) of the image in pixels.
    side : int
        Side of the input in pixels.
    resize : {"pad", "stretch"}
        ``pad`` brings the longest side to ``side`` and pads right and below, as SAM; ``stretch``
        brings both sides to it and rounds prompts to whole input pixels, as the released CAT-SAM.
    """

    size: tuple[int, int]
    side: int
    resize: Literal["pad", "stretch"] = "pad"

    @property
    def content(self) -> tuple[int, int]:
        """(h, w) of the part of the input that the image covers, in input pixels."""
        if self.resize == "stretch":
            return self.side, self.side
        scale = self.side / max(self.size)
        height, width = (max(1, int(n * scale + 0.5)) for n in self.size)
        return height, width

    @property
    def scale(self) -> tuple[float, float]:
        """Input pixels an image pixel, (along rows, along columns)."""
        return self.content[0] / self.size[0], self.content[1] / self.size[1]

    def image_to_input(self, rgb: torch.Tensor) -> torch.Tensor:
        """Resize, normalise and pad.

        Parameters
        ----------
        rgb : Tensor, (B, 3, H, W), float
            In 0..255, of this frame's size.

        Returns
        -------
        Tensor, (B, 3, side, side)
            Padding is 0 after the normalisation, as in SAM.
        """
        if tuple(rgb.shape[-2:]) != self.content:
            rgb = F.interpolate(
                rgb,
                self.content,
                mode="bilinear",
                align_corners=False,
                antialias=self.resize == "pad",
            )
        mean, std = (rgb.new_tensor(v)[:, None, None] for v in (PIXEL_MEAN, PIXEL_STD))
        height, width = self.content
        return F.pad((rgb - mean) / std, (0, self.side - width, 0, self.side - height))

    def points_to_input(self, points: npt.ArrayLike) -> torch.Tensor:
        """Take ``(..., 2)`` image ``(row, column)`` to float32 input ``(x, y)``."""
        scaled = torch.as_tensor(np.asarray(points, dtype=np.float32)) * torch.tensor(self.scale)
        return flip_xy(scaled.round() if self.resize == "stretch" else scaled)

    def boxes_to_input(self, boxes: npt.ArrayLike) -> torch.Tensor:
        """Take ``(N, 4)`` image ``[r0, c0, r1, c1]`` to float32 input ``[x0, y0, x1, y1]``."""
        corners = np.asarray(boxes, dtype=np.float32).reshape(-1, 2, 2)
        return self.points_to_input(corners).reshape(-1, 4)

    def masks_to_input(self, masks: npt.ArrayLike, side: int) -> torch.Tensor:
        """Bring mask prompts to the decoder's resolution.

        Parameters
        ----------
        masks : array_like, (N, H, W) bool or float, or (N, side, side) float
            At the size of the image, or logits at the decoder's resolution already.
        side : int
            Side of the decoder's logits in pixels.

        Returns
        -------
        Tensor, (N, 1, side, side), float32
            Logits; outside of the image the strongest "no".

        Raises
        ------
        PromptError
            If the masks have another size.
        """
        array = np.asarray(masks)
        if array.shape[1:] == (side, side) and array.dtype.kind == "f":
            return torch.from_numpy(array.astype(np.float32))[:, None]
        if array.shape[1:] != self.size:
            raise PromptError(
                f"mask prompts are {array.shape[1]} x {array.shape[2]}, the image is "
                f"{self.size[0]} x {self.size[1]}; they must have the same size"
            )
        logits = torch.from_numpy(array.astype(np.float32))[:, None]
        if array.dtype == np.bool_:
            logits = (2 * logits - 1) * MASK_PROMPT_LOGIT
        height, width = (max(1, round(n * side / self.side)) for n in self.content)
        small = F.interpolate(logits, (height, width), mode="bilinear", antialias=True)
        outside = -MASK_PROMPT_LOGIT
        return F.pad(small, (0, side - width, 0, side - height), value=outside)

    def logits_to_image(self, logits: torch.Tensor) -> torch.Tensor:
        """Bring logits ``(N, h, w)`` of the whole input to the image: ``(N, H, W)``, bilinear."""
        for step in self.steps((logits.shape[1], logits.shape[2])):
            logits = resize_maps(logits, step.after)[:, : step.kept[0], : step.kept[1]]
        return logits

    def steps(self, size: tuple[int, int]) -> tuple[Resizing, ...]:
        """List what brings a map of the whole input, of a size (h, w), to the image."""
        steps: tuple[Resizing, ...] = ()
        if self.resize == "pad":
            steps = (Resizing(size, (self.side, self.side), self.content),)
            size = self.content
        if size == self.size:  # an image of the input's own size is there already
            return steps
        return (*steps, Resizing(size, self.size, self.size))

    def check_inside(self, points: npt.ArrayLike, kind: str) -> None:
        """Raise :class:`PromptError` unless every ``(..., 2)`` point lies on the image.

        A box that covers the last pixel may end at its far edge, so ``(H, W)`` itself is allowed.
        """
        flat = np.asarray(points, dtype=float).reshape(-1, 2)
        outside = ((flat < -0.5) | (flat > np.asarray(self.size))).any(axis=1)
        for row, column in flat[outside]:
            raise PromptError(
                f"{kind} ({row:g}, {column:g}) lies outside of the image, which is "
                f"{self.size[0]} rows x {self.size[1]} columns"
            )


def resize_maps(maps: torch.Tensor, size: tuple[int, int]) -> torch.Tensor:
    """Resize ``(h, w)`` or ``(N, h, w)``, bilinear, each map for itself."""
    stacked = maps.reshape(-1, 1, *maps.shape[-2:])
    resized = F.interpolate(stacked, size, mode="bilinear", align_corners=False)
    return resized.reshape(*maps.shape[:-2], *size)


def flip_xy(points: torch.Tensor) -> torch.Tensor:
    """Swap the last axis: ``(row, column)`` to ``(x, y)`` or back; shape ``(..., 2)``."""
    return points.flip(-1)


def boxes_from_masks(masks: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """Find the tight box of each mask.

    Parameters
    ----------
    masks : array_like, (N, H, W), bool
        None of them empty.

    Returns
    -------
    ndarray, (N, 4), float
        ``[r0, c0, r1, c1]``, where ``r1`` and ``c1`` are one past the last pixel.

    Raises
    ------
    PromptError
        If a mask is empty.
    """
    boxes = []
    for number, mask in enumerate(np.asarray(masks, dtype=bool)):
        rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
        if rows.size == 0:
            raise PromptError(f"mask {number} is empty; it has no box")
        boxes.append((rows[0], columns[0], rows[-1] + 1, columns[-1] + 1))
    return np.asarray(boxes, dtype=np.float64).reshape(-1, 4)
