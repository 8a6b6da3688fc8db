"""How much memory a training step takes, and what is given up when that is more than there is."""

from __future__ import annotations

import copy
import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from napari_catsam.errors import OutOfMemoryError
from napari_catsam.sam.attention import BIAS_BYTES

if TYPE_CHECKING:
    from napari_catsam.adaptation.config import TrainConfig
    from napari_catsam.models.catsam import CatSam
    from napari_catsam.sam.backbones import Backbone

__all__ = [
    "Plan",
    "copy_to_cpu",
    "estimate_bytes",
    "fall_back",
    "free_bytes",
    "is_out_of_memory",
    "plan_step",
]

KEPT_BY_BLOCK = 13.0
"""Values that a block keeps for the gradient, in widths of a token: inputs of two norms, queries, keys,
values, their result, and the perceptron's hidden layer."""

KEPT_BY_MASK, KEPT_BY_PROMPT = 8.0, 20.0
"""Values that an object keeps for the gradient: for its mask, in maps of an eighth of the decoder's width
at the size of the logits, and for its prompt, in maps of the whole width at the size of the embedding."""

KEPT_BY_PIXEL = 6.0
"""Values that the loss keeps for a pixel of an object's mask."""

USABLE = 0.85
"""Share of the free memory that a step may be planned for."""


@dataclass(frozen=True)
class Plan:
    """What a step does, as far as memory depends on it.

    Attributes
    ----------
    objects : int
        At most so many are asked for.
    views : int
        Encoded together.
    checkpoint_blocks : bool
        Whether encoder blocks are computed twice.
    on_cpu : bool
        Whether the run has left its device for the CPU.
    """

    objects: int
    views: int
    checkpoint_blocks: bool
    on_cpu: bool = False


def estimate_bytes(
    backbone: Backbone, plan: Plan, *, value_bytes: int, encoder: bool, loss_side: int
) -> int:
    """Estimate what a training step takes beside the weights.

    Parameters
    ----------
    backbone : Backbone
        The frozen model.
    plan : Plan
        What the step does.
    value_bytes : int
        Of a value in the image encoder: 4, or 2 in bfloat16.
    encoder : bool
        Whether the encoder is trained; a frozen one keeps nothing.
    loss_side : int
        Side of the masks that the loss compares.
    """
    grid, width = backbone.grid, backbone.width
    token = grid**2 * width * value_bytes
    windows = -(-grid // backbone.window) * backbone.window
    block = int(KEPT_BY_BLOCK * token * (windows / grid) ** 2)
    kept = backbone.depth * token + block if plan.checkpoint_blocks else backbone.depth * block
    scores = min(BIAS_BYTES, backbone.heads * grid**4 * value_bytes)
    # One block on its way, with a few rows of scores where they have a position bias.
    passing = 8 * token + (6 * scores if backbone.relative_position else 0)
    mask = KEPT_BY_MASK * backbone.low_resolution**2 * backbone.decoder_width / 8
    prompt = KEPT_BY_PROMPT * grid**2 * backbone.decoder_width
    # What all objects of a view share takes about as much as one more of them.
    decoder = 4 * int((plan.objects + plan.views) * (mask + prompt))
    decoder += 4 * int(plan.objects * KEPT_BY_PIXEL * loss_side**2)
    return plan.views * (kept if encoder else 0) + plan.views * passing + decoder


def plan_step(model: CatSam, config: TrainConfig, free: int | None) -> tuple[Plan, str]:
    """Choose what a step does so that it fits.

    Parameters
    ----------
    model : CatSam
        The trainee.
    config : TrainConfig
        What is asked for; its ``memory`` counts instead of ``free``.
    free : int or None
        Bytes; None where nobody knows, and then all is done as asked for.

    Returns
    -------
    Plan
        The first that fits of: as asked for, blocks computed twice, fewer objects, fewer views; the
        smallest if none does.
    str
        What was given up, empty if nothing.
    """
    first = Plan(config.objects_per_step, config.views_per_step, bool(config.checkpoint_blocks))
    limit = config.memory or (None if free is None else int(USABLE * free))
    encoder = any(p.requires_grad for p in model.tuner.parameters())
    value_bytes = 2 if model.encoder_dtype == torch.bfloat16 else 4
    at_image, backbone = config.loss_resolution == "image", model.backbone
    side = backbone.image_size if at_image else backbone.low_resolution
    plan, step = first, first

    def fits(step: Plan) -> bool:
        needed = estimate_bytes(
            backbone, step, value_bytes=value_bytes, encoder=encoder, loss_side=side
        )
        return limit is None or needed <= limit

    while not fits(plan):
        step = _give_up(plan, may_checkpoint=encoder and config.checkpoint_blocks is None)
        if step == plan:
            break
        plan = step
    return plan, "" if plan == first else f"memory is short: {describe(plan)}"


def _give_up(plan: Plan, *, may_checkpoint: bool) -> Plan:
    if may_checkpoint and not plan.checkpoint_blocks:
        return replace(plan, checkpoint_blocks=True)
    if plan.objects > 1:
        return replace(plan, objects=plan.objects // 2)
    return replace(plan, views=max(1, plan.views // 2))


def fall_back(plan: Plan, *, encoder: bool, device: torch.device) -> Plan | None:
    """Give up the next thing after memory ran out; None if there is nothing left.

    Objects are halved, then views; then blocks are computed twice; then the run goes to the CPU.

    Parameters
    ----------
    plan : Plan
        What did not fit.
    encoder : bool
        Whether the encoder is trained.
    device : torch.device
        Where the run is.
    """
    if plan.objects > 1:
        return replace(plan, objects=plan.objects // 2)
    if plan.views > 1:
        return replace(plan, views=plan.views // 2)
    if encoder and not plan.checkpoint_blocks:
        return replace(plan, checkpoint_blocks=True)
    return None if device.type == "cpu" else replace(plan, on_cpu=True)


def describe(plan: Plan) -> str:
    """Say what a plan does, in a few words for the user."""
    objects = "1 object" if plan.objects == 1 else f"{plan.objects} objects"
    views = "" if plan.views == 1 else f" on {plan.views} views"
    again = ", blocks computed twice" if plan.checkpoint_blocks else ""
    return f"{objects}{views} a step{again}{', on the CPU' if plan.on_cpu else ''}"


def free_bytes(device: torch.device) -> int | None:
    """Ask how much memory is free on a device; None where nobody knows."""
    if device.type == "cuda":
        # What torch holds and does not use is free for it too.
        held = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
        return int(torch.cuda.mem_get_info(device)[0]) + held
    if device.type != "cpu":
        return None
    try:  # Linux counts as available what caches would give back
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
        known = dict(line.split(":", 1) for line in lines)
        return 1024 * int(known["MemAvailable"].split()[0])
    except (OSError, KeyError, ValueError):
        pass
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_AVPHYS_PAGES")
    except (AttributeError, OSError, ValueError):
        return None


def is_out_of_memory(error: BaseException) -> bool:
    """Whether memory ran out, as torch says it: on the CPU, on MPS and in CUDA's libraries in words only."""
    words = ("not enough memory", "can't allocate memory", "out of memory", "alloc_failed")
    text = str(error).lower()
    known = isinstance(error, torch.OutOfMemoryError | OutOfMemoryError)
    return known or any(word in text for word in words)


def copy_to_cpu(model: CatSam) -> CatSam:
    """Copy a model to the CPU, in float32, without a second copy on its own device."""
    memo: dict[int, Any] = {
        id(p): nn.Parameter(p.detach().cpu().clone(), requires_grad=p.requires_grad)
        for p in model.parameters()
    }
    memo |= {id(b): b.cpu().clone() for b in model.buffers()}
    other = copy.deepcopy(model, memo)
    other.encoder_dtype = torch.float32
    return other
