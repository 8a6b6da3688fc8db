"""Which of the masks that SAM decodes for a prompt are meant."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from napari_catsam.models.decoder import Decoded

__all__ = ["choose_masks", "list_readings"]


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
