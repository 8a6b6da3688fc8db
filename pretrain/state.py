"""What a training run is told to do, and all that it has to remember."""

from __future__ import annotations

import copy
import math
from dataclasses import dataclass, field
from pathlib import Path

import torch

from pretrain.arithmetic import quicker_dtype
from pretrain.network import DenseHeads, build_network, working_copy


@dataclass(frozen=True)
class Plan:
    """What a run does.

    Attributes
    ----------
    data
        Folder of ``nuclei_dsb2018``, or None: drawn scenes alone, no scores.
    out
        The safetensors file; the checkpoint and the log lie in ``work``.
    minutes, steps
        The run ends at the first of the two; the schedule follows the nearer one.
    images
        Windows of 256 pixels in a step, of all processes together; a fourth of it, of 512 pixels, in
        the second stage.
    processes
        Each computes its share of a step on one thread; on a busy machine that beats one process with
        as many threads, which wait for each other at every operation.
    dense_from, dense_until
        Between these parts of the run the dense loss alone is trained, on twice as many windows.
    full_every, full_from
        Every so manieth step after the dense stage, and every step after this part of the run, sees
        the whole canvas. Of the others, every second one sees windows of half the size, three times
        as many: most objects for the time.
    scored
        Held-out images that are scored now and then.
    decay_from
        Part of the run after which the learning rate falls.
    refine_minutes
        Of the refiner's training, after all this (:mod:`pretrain.refine`).
    dtype
        Of the copy that computes.
    """

    out: Path
    work: Path
    data: Path | None = None
    minutes: float = 273.0
    steps: int = 1_000_000
    seed: int = 0
    images: int = 4
    size: int = 256
    dense_from: float = 0.0
    dense_until: float = 0.2
    full_every: int = 4
    full_from: float = 0.93
    decay_from: float = 0.75
    rate: float = 8e-4
    warm_up: int = 100
    processes: int = 2
    every: int = 50
    evaluate_minutes: float = 20.0
    save_minutes: float = 4.0
    scored: int = 24
    refine_minutes: float = 60.0
    dtype: torch.dtype = field(default_factory=quicker_dtype)


class Run:
    """State of one run: model, averaged model, optimiser, step and seconds spent."""

    def __init__(self, plan: Plan) -> None:
        torch.manual_seed(plan.seed)
        self.plan = plan
        self.sam, self.head = build_network().train(), DenseHeads()
        self.mean = copy.deepcopy(self.sam).eval()
        self.fast = working_copy(self.sam, plan.dtype)
        self.fast_head = DenseHeads().to(plan.dtype)
        self.refresh()
        self.step, self.seconds, self.resumed = 0, 0.0, 0
        decay = [p for p in self.parameters() if p.ndim > 1]
        plain = [p for p in self.parameters() if p.ndim <= 1]
        groups = [{"params": decay, "weight_decay": 0.05}, {"params": plain, "weight_decay": 0.0}]
        self.optimiser = torch.optim.AdamW(groups, plan.rate, betas=(0.9, 0.98), fused=True)

    def parameters(self) -> list[torch.nn.Parameter]:
        """All that is trained here, the auxiliary head too; the refiner comes later."""
        return [p for p in (*self.sam.parameters(), *self.head.parameters()) if p.requires_grad]

    def fast_parameters(self) -> list[torch.nn.Parameter]:
        """The copies of :meth:`parameters`, in the same order."""
        both = (*self.fast.parameters(), *self.fast_head.parameters())
        return [p for p in both if p.requires_grad]

    def refresh(self) -> None:
        """Copy the parameters into the copies that compute."""
        with torch.no_grad():
            torch._foreach_copy_(self.fast_parameters(), self.parameters())

    def part(self) -> float:
        """How much of the run is over, 0 to 1."""
        return min(1.0, max(self.seconds / (60 * self.plan.minutes), self.step / self.plan.steps))

    def stage(self) -> str:
        """What is trained now: "dense", or prompts in "small" or larger "windows" or "full" images."""
        if self.plan.dense_from <= self.part() < self.plan.dense_until:
            return "dense"
        whole = self.part() >= self.plan.full_from or self.step % self.plan.full_every == 0
        if whole:
            return "full"
        return "small" if self.step % 2 else "windows"

    def learning_rate(self) -> float:
        """Linear warm-up, level, then a cosine to a hundredth."""
        late = max(0.0, self.part() - self.plan.decay_from) / (1 - self.plan.decay_from)
        cosine = 0.01 + 0.99 * (1 + math.cos(math.pi * late)) / 2
        return self.plan.rate * min(1.0, (self.step + 1) / self.plan.warm_up) * cosine

    def average(self) -> None:
        """Move the averaged model towards the model."""
        keep = min(0.999, (1 + self.step) / (10 + self.step))
        with torch.no_grad():
            torch._foreach_lerp_(
                list(self.mean.parameters()), list(self.sam.parameters()), 1 - keep
            )

    def save(self) -> None:
        """Write the checkpoint, whole or not at all."""
        names = ("sam", "head", "mean", "optimiser")
        state = {name: getattr(self, name).state_dict() for name in names}
        state |= {"step": self.step, "seconds": self.seconds, "resumed": self.resumed}
        part = self.plan.work / "checkpoint.part"
        torch.save(state, part)
        part.replace(self.plan.work / "checkpoint.pt")

    def load(self) -> None:
        """Read the checkpoint of an interrupted run."""
        state = torch.load(self.plan.work / "checkpoint.pt", weights_only=True)
        for name in ("sam", "head", "mean", "optimiser"):
            getattr(self, name).load_state_dict(state[name])
        self.step, self.seconds, self.resumed = (
            state["step"],
            state["seconds"],
            state["resumed"] + 1,
        )
        self.refresh()
