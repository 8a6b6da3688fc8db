"""The soft ellipse inscribed in a box, given to the mask decoder as a mask prompt beside the box.

Only backbones that were trained with it use it (``Backbone.box_prior``): a small decoder then refines a
fair first guess instead of finding the place of the box by attention alone.
"""

from __future__ import annotations

import torch

AMPLITUDE = 4.0
"""Logits far inside the ellipse; the negative of it far outside."""


def soft_ellipse_logits(boxes: torch.Tensor, canvas_size: int, low_res_size: int) -> torch.Tensor:
    """Draw for each box its inscribed ellipse as smooth mask logits.

    Parameters
    ----------
    boxes : Tensor, (N, 4), float
        (r0, c0, r1, c1) in pixels of the model's input, counted at pixel edges: a box around the pixel
        (5, 7) alone is (5, 7, 6, 8).
    canvas_size : int
        Side of the model's square input in pixels.
    low_res_size : int
        Side of the logits; the decoder's mask prompt has a quarter of the input's side.

    Returns
    -------
    Tensor, (N, 1, low_res_size, low_res_size), float32
        ``AMPLITUDE * tanh(d)``, where ``d`` is about the signed distance to the ellipse in pixels of
        the output, positive inside.
    """
    stride = canvas_size / low_res_size
    low, high = boxes[:, :2].float() / stride, boxes[:, 2:].float() / stride
    centre, radius = (low + high) / 2, ((high - low) / 2).clamp(min=0.25)
    place = torch.arange(low_res_size, device=boxes.device, dtype=torch.float32) + 0.5
    rows = (place[None] - centre[:, :1]) / radius[:, :1]
    columns = (place[None] - centre[:, 1:]) / radius[:, 1:]
    length = torch.sqrt(rows[:, :, None] ** 2 + columns[:, None, :] ** 2)
    distance = (1 - length) * radius.amin(dim=1)[:, None, None]
    return (AMPLITUDE * torch.tanh(distance))[:, None]
