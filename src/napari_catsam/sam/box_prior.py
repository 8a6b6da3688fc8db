"""A first guess drawn from the prompt, given to the mask decoder as a mask prompt beside it.

The soft ellipse inscribed in a box; without a box, soft discs at the clicks. Clicks beside a box or on an
earlier mask are drawn into it. Only backbones that were trained with it use it (``Backbone.box_prior``):
a small decoder then refines a fair first guess instead of finding the place of the prompt by attention
alone.
"""

from __future__ import annotations

import torch

AMPLITUDE = 4.0
"""Logits far inside the ellipse; the negative of it far outside."""

DISC_RADIUS = 2.0
"""Deviation of the Gaussian at a click, in pixels of the logits."""

EDIT_RADIUS = 1.0
"""Deviation of the Gaussian by which a click changes the mask that is kept, in pixels of the logits."""

BOX_MARGIN = 0.03
"""How far a mask may leave its box, in parts of the box's longest side."""

LIMIT_SLOPE, LIMIT_DEPTH = 3.0, 8.0
"""Logits an input pixel beyond the margin, and at most."""


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
    positive, negative = _draw_bumps(points, labels, canvas_size, low_res_size)
    return (AMPLITUDE * (2 * positive - 2 * negative - 1))[:, None]


def first_guess(
    boxes: torch.Tensor | None,
    points: torch.Tensor | None,
    labels: torch.Tensor | None,
    masks: torch.Tensor | None,
    canvas_size: int,
    low_res_size: int,
) -> torch.Tensor | None:
    """Draw what the prompts of N objects say about their masks.

    Parameters
    ----------
    boxes : Tensor, (N, 4), or None
        As in :func:`soft_ellipse_logits`.
    points : Tensor, (N, P, 2), or None
        As in :func:`soft_disc_logits`.
    labels : Tensor, (N, P), or None
        As in :func:`soft_disc_logits`.
    masks : Tensor, (N, 1, low_res_size, low_res_size), or None
        Logits of an earlier mask; brought to ±:data:`AMPLITUDE`, the range of the other guesses.
    canvas_size, low_res_size : int
        As in :func:`soft_ellipse_logits`.

    Returns
    -------
    Tensor, (N, 1, low_res_size, low_res_size), float32, or None
        The earlier mask, else the ellipse, with the clicks drawn into it; else the discs. None without
        any prompt.
    """
    if masks is not None:
        base = AMPLITUDE * torch.tanh(masks.float() / AMPLITUDE)
    elif boxes is not None:
        base = soft_ellipse_logits(boxes, canvas_size, low_res_size)
    elif points is None or labels is None:
        return None
    else:
        return soft_disc_logits(points, labels, canvas_size, low_res_size)
    if points is None or labels is None:
        return base
    positive, negative = _draw_bumps(points, labels, canvas_size, low_res_size)
    target = AMPLITUDE * torch.where(positive >= negative, 2.0, -3.0)
    return torch.lerp(base, target[:, None], torch.maximum(positive, negative)[:, None])


def kept_mask(
    points: torch.Tensor | None,
    labels: torch.Tensor | None,
    masks: torch.Tensor,
    canvas_size: int,
    low_res_size: int,
) -> torch.Tensor:
    """Draw for each object what of its earlier mask is added to the decoder's logits.

    A small decoder that has to draw the whole mask anew spoils a good one with every corrective click; with
    the earlier mask as a base it draws the change.

    Parameters
    ----------
    points, labels, masks, canvas_size, low_res_size
        As in :func:`first_guess`.

    Returns
    -------
    Tensor, (N, 1, low_res_size, low_res_size), float32
        The earlier logits, brought to ±:data:`AMPLITUDE`, with the clicks drawn into them, narrowly.
    """
    base = AMPLITUDE * torch.tanh(masks.float() / AMPLITUDE)
    if points is None or labels is None:
        return base
    positive, negative = _draw_bumps(points, labels, canvas_size, low_res_size, EDIT_RADIUS)
    target = AMPLITUDE * torch.where(positive >= negative, 1.0, -1.0)
    return torch.lerp(base, target[:, None], torch.maximum(positive, negative)[:, None])


def box_limit(boxes: torch.Tensor, canvas_size: int, low_res_size: int) -> torch.Tensor:
    """Draw for each box what is added to its mask's logits so that the mask ends with the box.

    A small decoder tells places apart by a few pixels only, so that its masks leak over the border of
    a box; what the user drew is more exact. Strong evidence still wins, since the limit is bounded.

    Parameters
    ----------
    boxes, canvas_size, low_res_size
        As in :func:`soft_ellipse_logits`.

    Returns
    -------
    Tensor, (N, 1, low_res_size, low_res_size), float32
        0 inside of the box and its margin, falling to ``-LIMIT_DEPTH`` outside.
    """
    stride = canvas_size / low_res_size
    place = (torch.arange(low_res_size, device=boxes.device, dtype=torch.float32) + 0.5) * stride
    low, high = boxes[:, :2].float(), boxes[:, 2:].float()
    rows = torch.maximum(low[:, :1] - place, place - high[:, :1])
    columns = torch.maximum(low[:, 1:] - place, place - high[:, 1:])
    outside = torch.maximum(rows[:, :, None], columns[:, None, :])
    margin = BOX_MARGIN * (high - low).amax(dim=1)[:, None, None]
    beyond = LIMIT_SLOPE * (outside - margin).clamp(min=0)
    return -LIMIT_DEPTH * torch.tanh(beyond / LIMIT_DEPTH)[:, None]


def _draw_bumps(
    points: torch.Tensor,
    labels: torch.Tensor,
    canvas_size: int,
    low_res_size: int,
    radius: float = DISC_RADIUS,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return Gaussians of height 1 at the positive and at the negative clicks, (N, s, s) each."""
    place = torch.arange(low_res_size, device=points.device, dtype=torch.float32) + 0.5
    centre = (points.float() + 0.5) * low_res_size / canvas_size
    squared = (place - centre[..., None]) ** 2
    bumps = torch.exp(-(squared[:, :, 0, :, None] + squared[:, :, 1, None, :]) / (2 * radius**2))
    positive = (bumps * (labels == 1)[..., None, None]).amax(dim=1)
    negative = (bumps * (labels == 0)[..., None, None]).amax(dim=1)
    return positive, negative
