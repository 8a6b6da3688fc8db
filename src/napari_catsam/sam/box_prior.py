"""A first guess drawn from the prompt, given to the mask decoder as a mask prompt beside it.

The soft ellipse inscribed in a box; without a box, soft discs at the clicks. Only backbones that were
trained with it use it (``Backbone.box_prior``): a small decoder then refines a fair first guess instead
of finding the place of the prompt by attention alone.
"""

from __future__ import annotations

import torch

AMPLITUDE = 4.0
"""Logits far inside the ellipse; the negative of it far outside."""

DISC_RADIUS = 2.0
"""Deviation of the Gaussian at a click, in pixels of the logits."""


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


def soft_disc_logits(
    points: torch.Tensor, labels: torch.Tensor, canvas_size: int, low_res_size: int
) -> torch.Tensor:
    """Draw for each object soft discs at its clicks, for objects without a box.

    Parameters
    ----------
    points : Tensor, (N, P, 2), float
        (row, column) pixels of the model's input, counted at pixel centres: the first pixel is (0, 0).
    labels : Tensor, (N, P)
        1 positive, 0 negative, -1 padding.
    canvas_size : int
        Side of the model's square input in pixels.
    low_res_size : int
        Side of the logits.

    Returns
    -------
    Tensor, (N, 1, low_res_size, low_res_size), float32
        ``AMPLITUDE`` at a positive click, falling off as a Gaussian of :data:`DISC_RADIUS` pixels of the
        output to ``-AMPLITUDE``, and ``-3 * AMPLITUDE`` at a negative one.
    """
    place = torch.arange(low_res_size, device=points.device, dtype=torch.float32) + 0.5
    centre = (points.float() + 0.5) * low_res_size / canvas_size
    squared = (place - centre[..., None]) ** 2
    bumps = torch.exp(
        -(squared[:, :, 0, :, None] + squared[:, :, 1, None, :]) / (2 * DISC_RADIUS**2)
    )
    positive = (bumps * (labels == 1)[..., None, None]).amax(dim=1)
    negative = (bumps * (labels == 0)[..., None, None]).amax(dim=1)
    return (AMPLITUDE * (2 * positive - 2 * negative - 1))[:, None]
