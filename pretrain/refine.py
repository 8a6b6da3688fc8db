"""Train the refiner on what the rest of ``vit_nano`` leaves to be corrected.

    python -m pretrain.refine --asset FILE --data DIR --minutes 60

The weights in ``FILE`` stay as they are but for the refiner's, which are trained anew. A third of the time
goes into drawing prompts and asking the model for their masks, the rest into training on these.
"""

from __future__ import annotations

import argparse
import copy
import math
import time
from dataclasses import dataclass, field
from pathlib import Path

import torch
from torch.nn import functional as F

from napari_catsam.sam.refiner import MaskRefiner, View
from pretrain.arithmetic import quicker_dtype
from pretrain.export import read_asset, replace_refiner
from pretrain.journal import means, write_line
from pretrain.looks import Looks, LookStream, collect, join
from pretrain.network import build_network, working_copy
from pretrain.processes import agree, run_together, share_mean

STRIDE = 4
"""Input pixels of a pixel of the logits."""


@dataclass(frozen=True)
class RefinePlan:
    """What a training of the refiner does.

    Attributes
    ----------
    asset
        The weights; the refiner's are replaced in place.
    work
        Folder for what was collected and for the log.
    data
        Folder of ``nuclei_dsb2018``, or None: drawn scenes alone.
    minutes
        Of collecting and training together.
    seed
        Of all chance.
    processes
        One thread each.
    collected
        Part of the minutes that is spent on collecting.
    batch, rate
        Looks a step, and the highest learning rate.
    every
        Steps between two lines of the log.
    looks
        In a file of what is collected.
    dtype
        That the model and the refiner compute in; the weights stay float32.
    """

    asset: Path
    work: Path
    data: Path | None = None
    minutes: float = 60.0
    seed: int = 0
    processes: int = 2
    collected: float = 0.35
    batch: int = 96
    rate: float = 2e-3
    every: int = 100
    looks: int = 2_000
    dtype: torch.dtype = field(default_factory=quicker_dtype)

    @property
    def log(self) -> Path:
        """A line every so many steps, and one for looks that were not trained on."""
        return self.work / "refine.jsonl"


def collect_part(rank: int, plan: RefinePlan) -> None:
    """One process collects until its time is over, in files of ``plan.looks``."""
    sam = working_copy(read_asset(build_network(), plan.asset), plan.dtype)
    stream = LookStream(sam, plan.data, 1_000 * plan.seed + 100 * rank)
    source, number, started = iter(stream), 0, time.monotonic()
    while number == 0 or time.monotonic() - started < 60 * plan.minutes * plan.collected:
        looks = collect(source, plan.looks)
        torch.save(looks_to_state(looks), plan.work / f"looks_{rank}_{number}.pt")
        number += 1


def looks_to_state(looks: Looks) -> list[torch.Tensor]:
    """Plain tensors, in the order of the fields."""
    return [*looks.view, *looks[1:]]


def read_looks(folder: Path) -> Looks:
    """All that was collected."""
    parts = []
    for path in sorted(folder.glob("looks_*.pt")):
        state = torch.load(path, weights_only=True)
        parts.append(Looks(View(*state[:4]), *state[4:]))
    return join(parts)


def turn(looks: Looks, generator: torch.Generator) -> Looks:
    """A batch, flipped and turned by right angles, all of it alike."""
    choice = torch.randint(0, 8, (1,), generator=generator).item()
    view, corner = looks.view, looks.corner
    parts = [view.pixels, view.logits, view.prompt, looks.truth]
    extent = view.extent
    if choice & 1:
        parts = [part.flip(-1) for part in parts]
        corner = torch.stack([corner[:, 0], -corner[:, 1] - extent[:, 1]], 1)
    if choice & 2:
        parts = [part.flip(-2) for part in parts]
        corner = torch.stack([-corner[:, 0] - extent[:, 0], corner[:, 1]], 1)
    if choice & 4:
        parts = [part.transpose(-1, -2) for part in parts]
        extent, corner = extent.flip(1), corner.flip(1)
    view = View(parts[0], parts[1], parts[2], extent)
    return Looks(view, looks.scores, parts[3], looks.missing, corner)


def change_pixels(view: View, generator: torch.Generator) -> View:
    """Other brightness, contrast, noise and, now and then, inverted or gray pixels."""
    pixels = view.pixels.float()
    count = len(pixels)

    def chance(*shape: int) -> torch.Tensor:
        return torch.rand(count, *shape, generator=generator)

    gain = torch.where(chance(1, 1, 1) < 0.5, torch.exp((chance(1, 1, 1) - 0.5) * 1.2), 1.0)
    pixels = pixels * gain + (chance(1, 1, 1) - 0.5) * (chance(1, 1, 1) < 0.5)
    tint = (chance(3, 1, 1) - 0.5) * 0.6
    pixels = torch.where(chance(1, 1, 1) < 0.2, pixels + tint, pixels)
    pixels = torch.where(chance(1, 1, 1) < 0.15, -pixels, pixels)
    pixels = torch.where(chance(1, 1, 1) < 0.15, pixels.mean(1, keepdim=True), pixels)
    noise = torch.randn(pixels.shape, generator=generator) * 0.15 * chance(1, 1, 1)
    pixels = torch.where(chance(1, 1, 1) < 0.2, pixels + noise, pixels)
    return view._replace(pixels=pixels)


def through_grid(change: torch.Tensor, looks: Looks) -> torch.Tensor:
    """What is left of a change ``(N, s, s)`` once it was put into the logits' grid and read again."""
    extent, side = looks.view.extent, change.shape[-1]
    matrices = []
    for axis in (0, 1):
        start = looks.corner[:, axis, None]
        place = start + (torch.arange(side) + 0.5) / side * extent[:, axis, None]
        lower = (place / STRIDE - 0.5).floor()
        part = (place / STRIDE - 0.5 - lower)[..., None]
        weights = torch.zeros(len(change), side, side)
        for neighbour, share in ((lower, 1 - part), (lower + 1, part)):
            inner = ((neighbour + 0.5) * STRIDE - start) / extent[:, axis, None]
            position = (inner * side - 0.5).clamp(0, side - 1)[..., None]
            tent = (1 - (position - torch.arange(side)).abs()).clamp(min=0)
            weights += share * tent * ((inner > 0) & (inner < 1))[..., None]
        matrices.append(weights)
    return matrices[0] @ change @ matrices[1].transpose(1, 2)


def loss_of(
    refiner: MaskRefiner, looks: Looks, dtype: torch.dtype
) -> tuple[torch.Tensor, dict[str, float]]:
    """BCE, soft IoU and the squared error of the expected IoU; with them the IoU before and after."""
    with torch.autocast("cpu", dtype, enabled=dtype != torch.float32):
        change, scores = refiner(looks.view, looks.scores)
    before, truth = looks.view.logits.float(), looks.truth.float()
    logits = before + through_grid(change.float(), looks)
    probability = logits.sigmoid()
    overlap = (probability * truth).sum((1, 2))
    union = probability.sum((1, 2)) + truth.sum((1, 2)) + looks.missing - overlap
    soft = 1 - (overlap + 1) / (union + 1)
    plain = F.binary_cross_entropy_with_logits(logits, truth, reduction="none").mean((1, 2))
    iou = true_iou(logits.detach(), looks)
    loss = (plain + soft).mean() + F.mse_loss(scores.float(), iou)
    boxed = looks.view.prompt[:, 0].amax((1, 2)) > 0
    parts = {"loss": float(loss.detach())}
    for name, rows in (("box", boxed), ("click", ~boxed)):
        parts[name] = float(iou[rows].mean())
        parts[f"{name}_before"] = float(true_iou(before[rows], looks.select(rows)).mean())
    return loss, parts


def true_iou(logits: torch.Tensor, looks: Looks) -> torch.Tensor:
    """IoU ``(N,)`` of ``logits > 0`` with the whole objects."""
    mask, truth = logits > 0, looks.truth > 0.5
    return (mask & truth).sum((1, 2)) / ((mask | truth).sum((1, 2)) + looks.missing).clamp(min=1)


def train(plan: RefinePlan, looks: Looks, rank: int = 0) -> MaskRefiner:
    """Train on what was collected until the time is over; the averaged network."""
    torch.manual_seed(plan.seed)
    generator = torch.Generator().manual_seed(plan.seed + 100 * rank)
    refiner = MaskRefiner().to(memory_format=torch.channels_last)
    mean = copy.deepcopy(refiner).eval()
    optimiser = torch.optim.AdamW(
        refiner.parameters(), plan.rate, betas=(0.9, 0.98), weight_decay=0.03, fused=True
    )
    seconds, started, step = 60 * plan.minutes * (1 - plan.collected), time.monotonic(), 0
    recent: dict[str, list[float]] = {}
    while (part := agree(time.monotonic() - started) / seconds) < 1:
        rate = plan.rate * min(1, (step + 1) / 100) * (1.01 + math.cos(math.pi * part)) / 2
        for group in optimiser.param_groups:
            group["lr"] = rate
        batch = draw_batch(looks, plan.batch // plan.processes, generator)
        loss, parts = loss_of(refiner, batch, plan.dtype)
        optimiser.zero_grad()
        loss.backward()
        share_gradients(refiner)
        torch.nn.utils.clip_grad_norm_(refiner.parameters(), 1.0)
        optimiser.step()
        step += 1
        average(mean, refiner, min(0.998, (1 + step) / (10 + step)))
        for key, value in parts.items():
            recent.setdefault(key, []).append(value)
        if rank == 0 and step % plan.every == 0:
            write_line(
                plan.log,
                {"step": step, "minutes": (time.monotonic() - started) / 60, **means(recent)},
            )
            recent = {}
    return mean


def share_gradients(refiner: MaskRefiner) -> None:
    """Average the gradients over the processes."""
    found = [p.grad for p in refiner.parameters() if p.grad is not None]
    flat = share_mean(torch.cat([grad.flatten() for grad in found]))
    for grad, piece in zip(found, flat.split([grad.numel() for grad in found]), strict=True):
        grad.copy_(piece.view_as(grad))


def draw_batch(looks: Looks, count: int, generator: torch.Generator) -> Looks:
    """Some looks, turned and with changed pixels."""
    rows = torch.randint(0, len(looks.scores), (count,), generator=generator)
    some = turn(looks.select(rows), generator)
    return some._replace(view=change_pixels(some.view, generator))


def average(mean: MaskRefiner, refiner: MaskRefiner, keep: float) -> None:
    """Move the averaged network towards the network."""
    with torch.no_grad():
        torch._foreach_lerp_(list(mean.parameters()), list(refiner.parameters()), 1 - keep)


def score(refiner: MaskRefiner, looks: Looks, dtype: torch.dtype) -> dict[str, float]:
    """The values of :func:`loss_of` over many looks."""
    found: dict[str, list[float]] = {}
    with torch.no_grad():
        for rows in torch.arange(len(looks.scores)).split(200):
            for key, value in loss_of(refiner, looks.select(rows), dtype)[1].items():
                found.setdefault(key, []).append(value)
    return means(found)


def train_part(rank: int, plan: RefinePlan) -> None:
    """One process trains; the first one scores and writes what comes out."""
    looks = read_looks(plan.work)
    held = max(1, len(looks.scores) // 50)
    rows = torch.arange(len(looks.scores))
    refiner = train(plan, looks.select(rows[:-held]), rank)
    if rank == 0:
        scores = score(refiner, looks.select(rows[-held:]), plan.dtype)
        write_line(plan.log, {"looks": len(looks.scores), **scores})
        replace_refiner(plan.asset, refiner)


def refine(plan: RefinePlan) -> None:
    """Collect, train, and write the refiner into the weights."""
    plan.work.mkdir(parents=True, exist_ok=True)
    for path in plan.work.glob("looks_*.pt"):  # of other weights
        path.unlink()
    run_together(collect_part, plan.processes, plan)
    run_together(train_part, plan.processes, plan)


def main(arguments: list[str] | None = None) -> None:
    """Run what the command line asks for."""
    parser = argparse.ArgumentParser(prog="python -m pretrain.refine", description=__doc__)
    parser.add_argument("--asset", type=Path, required=True, help="weights of vit_nano")
    parser.add_argument("--data", type=Path, help="folder of nuclei_dsb2018")
    parser.add_argument("--work", type=Path, help="default: <asset>.refine")
    parser.add_argument("--minutes", type=float, default=60.0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--processes", type=int, default=2)
    given = vars(parser.parse_args(arguments))
    given["work"] = given["work"] or given["asset"].with_suffix(".refine")
    refine(RefinePlan(**given))


if __name__ == "__main__":
    main()
