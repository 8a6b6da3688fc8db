"""Which of the masks that SAM decodes for a prompt are meant."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import torch

from napari_catsam.prediction.positive_part import logits_to_masks

if TYPE_CHECKING:
    from napari_catsam.geometry import Frame
    from napari_catsam.models.decoded import Decoded

__all__ = ["Readings", "choose_masks", "list_readings"]


@dataclass(frozen=True, eq=False)
class Readings:
    """What a prompt may mean, the likeliest first; a mask is brought to the image when asked for.

    Attributes
    ----------
    frame : Frame
        How the image lies in the model's input.
    decoded : Tensor, (K, h, w), float32
        Logits, on the model's device.
    scores : ndarray, (K,), float32
        The IoU that SAM's head expects, about 0..1.
    """

    frame: Frame
    decoded: torch.Tensor
    scores: npt.NDArray[np.float32]

    def __len__(self) -> int:
        """Return the number of readings."""
        return len(self.scores)

    @property
    def logits(self) -> npt.NDArray[np.float32]:
        """(K, h, w), as :attr:`~napari_catsam.types.Masks.logits`."""
        return np.asarray(self.decoded.cpu())

    def draw(self, number: int) -> npt.NDArray[np.bool_]:
        """Return the mask of one reading, (H, W) bool."""
        mask: npt.NDArray[np.bool_]
        (mask,) = logits_to_masks(self.frame, self.decoded[number : number + 1])
        return mask

    def draw_all(self) -> npt.NDArray[np.bool_]:
        """Return the masks of all, (K, H, W) bool."""
        return logits_to_masks(self.frame, self.decoded)


def choose_masks(decoded: Decoded, *, lone_click: bool) -> tuple[torch.Tensor, torch.Tensor]:
    """Choose one mask an object.

    Parameters
    ----------
    decoded : Decoded
        K = 1 or 4 masks an object.
    lone_click : bool
        Whether each object was given by one point alone.

    Returns
    -------
    Tensor, (N, h, w)
        Logits.
    Tensor, (N,)
        Expected IoU.
    """
    logits, scores = decoded
    if logits.shape[1] == 1 or not lone_click:
        return logits[:, 0], scores[:, 0]
    best = scores[:, 1:].argmax(dim=1) + 1
    rows = torch.arange(len(best), device=best.device)
    return logits[rows, best], scores[rows, best]


def list_readings(decoded: Decoded, *, lone_click: bool) -> tuple[torch.Tensor, torch.Tensor]:
    """List the masks of one object that its prompt may mean.

    Parameters
    ----------
    decoded : Decoded
        K = 1 or 4 masks of one object.
    lone_click : bool
        Whether it was given by one point alone.

    Returns
    -------
    Tensor, (1 or 3, h, w)
        Logits, that with the highest expected IoU first.
    Tensor, (1 or 3,)
        Expected IoU.
    """
    logits, scores = decoded.logits[0], decoded.scores[0]
    if len(logits) == 1 or not lone_click:
        return logits[:1], scores[:1]
    order = scores[1:].argsort(descending=True) + 1
    return logits[order], scores[order]
