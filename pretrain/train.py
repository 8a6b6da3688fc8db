"""Train ``vit_nano`` from nothing: ``python -m pretrain.train --data DIR --out FILE --minutes 100 --seed 0``."""

from __future__ import annotations

import argparse
import copy
import json
import math
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.utils.data import DataLoader

from pretrain.evaluate import describe, evaluate
from pretrain.export import write_asset
from pretrain.network import build_network, dense_head
from pretrain.nuclei import list_names, read_pair, split_names
from pretrain.samples import SampleConfig, SampleStream
from pretrain.steps import Step, StepConfig


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
        Windows of 256 pixels in a step; a fourth of it, of 512 pixels, in the second stage.
    full_from
        Part of the run after which windows are the whole canvas.
    """

    out: Path
    work: Path
    data: Path | None = None
    minutes: float = 100.0
    steps: int = 1_000_000
    seed: int = 0
    images: int = 8
    size: int = 256
    full_from: float = 0.65
    rate: float = 8e-4
    warm_up: int = 250
    half: bool = True
    every: int = 50
    evaluate_minutes: float = 10.0
    save_minutes: float = 4.0


class Run:
    """State of one run: model, averaged model, optimiser, step and seconds spent."""

    def __init__(self, plan: Plan) -> None:
        torch.manual_seed(plan.seed)
        self.plan = plan
        self.sam, self.head = build_network().train(), dense_head()
        self.mean = copy.deepcopy(self.sam).eval()
        self.step, self.seconds, self.resumed = 0, 0.0, 0
        decay = [p for p in self.parameters() if p.ndim > 1]
        plain = [p for p in self.parameters() if p.ndim <= 1]
        groups = [{"params": decay, "weight_decay": 0.05}, {"params": plain, "weight_decay": 0.0}]
        self.optimiser = torch.optim.AdamW(groups, plan.rate, betas=(0.9, 0.98))

    def parameters(self) -> list[torch.nn.Parameter]:
        """All that is trained, the auxiliary head too."""
        return [*self.sam.parameters(), *self.head.parameters()]

    def part(self) -> float:
        """How much of the run is over, 0 to 1."""
        return min(1.0, max(self.seconds / (60 * self.plan.minutes), self.step / self.plan.steps))

    def learning_rate(self) -> float:
        """Linear warm-up, then a cosine to a hundredth."""
        cosine = 0.01 + 0.99 * (1 + math.cos(math.pi * self.part())) / 2
        return self.plan.rate * min(1.0, (self.step + 1) / self.plan.warm_up) * cosine

    def average(self) -> None:
        """Move the averaged model towards the model."""
        keep = min(0.999, (1 + self.step) / (10 + self.step))
        with torch.no_grad():
            torch._foreach_lerp_(list(self.mean.parameters()), list(self.sam.parameters()), 1 - keep)

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
        self.step, self.seconds, self.resumed = state["step"], state["seconds"], state["resumed"] + 1


def stream(plan: Plan, full: bool, seed: int) -> Iterator[dict[str, torch.Tensor]]:
    """Batches of the first stage, or of the second when ``full``."""
    size, images = (2 * plan.size, max(1, plan.images // 4)) if full else (plan.size, plan.images)
    samples = SampleStream(plan.data, SampleConfig(size=size), seed)
    return iter(DataLoader(samples, images, num_workers=1, prefetch_factor=4))


def train(plan: Plan) -> Run:
    """Run the plan and write the weights; also writes them whenever a score is taken.

    Returns
    -------
    Run
        With the averaged model in ``mean``.
    """
    run = Run(plan)
    if (plan.work / "checkpoint.pt").exists():
        run.load()
    step = Step(run.sam, run.head, StepConfig(), plan.seed + 1000 * run.resumed + 1)
    stage, batches = None, iter(())
    saved = scored = run.seconds
    while run.part() < 1.0:
        start = time.monotonic()
        if stage != (run.part() >= plan.full_from):
            stage = run.part() >= plan.full_from
            batches = stream(plan, stage, plan.seed + 2 * run.resumed + int(stage))
        parts = learn(run, step, next(batches))
        run.seconds += time.monotonic() - start
        run.step += 1
        if run.step % plan.every == 0 or run.step == 1:
            log(plan, {"step": run.step, "minutes": run.seconds / 60, "full": stage, **parts})
        if run.seconds - saved > 60 * plan.save_minutes:
            run.save()
            saved = run.seconds
        if run.seconds - scored > 60 * plan.evaluate_minutes:
            scored = run.seconds
            report(run, images=30, limit=16)
    run.save()
    report(run, images=100, limit=10_000)
    return run


def learn(run: Run, step: Step, batch: dict[str, torch.Tensor]) -> dict[str, float]:
    """One optimiser step; the parts of the loss."""
    rate = run.learning_rate()
    for group in run.optimiser.param_groups:
        group["lr"] = rate
    with torch.autocast("cpu", torch.bfloat16, enabled=run.plan.half):
        loss, parts = step(batch, dense_weight=max(0.15, 1 - 1.2 * run.part()))
    run.optimiser.zero_grad()
    loss.backward()
    norm = torch.nn.utils.clip_grad_norm_(run.parameters(), 1.0)
    if torch.isfinite(norm):
        run.optimiser.step()
    run.average()
    return {"loss": float(loss.detach()), "norm": float(norm), **parts}


def report(run: Run, images: int, limit: int) -> None:
    """Score the averaged model on held-out nuclei and write it out."""
    plan, scores = run.plan, None
    if plan.data is not None:
        held = split_names(list_names(plan.data))[1]
        names = [held[int(i)] for i in np.linspace(0, len(held) - 1, images)]
        scores = evaluate(run.mean, (read_pair(plan.data, name) for name in names), limit)
        log(plan, {"step": run.step, "minutes": run.seconds / 60, "scores": json.loads(describe(scores))})
    write_asset(run.mean, plan.out, run.step, run.seconds, plan.seed, scores)


def log(plan: Plan, row: dict[str, Any]) -> None:
    """Append a JSON line to ``log.jsonl`` and show it."""
    row = {key: round(value, 4) if isinstance(value, float) else value for key, value in row.items()}
    with (plan.work / "log.jsonl").open("a") as file:
        file.write(json.dumps(row) + "\n")
    print(json.dumps(row), flush=True)


def parse(arguments: list[str] | None = None) -> Plan:
    """The plan that the command line asks for."""
    parser = argparse.ArgumentParser(prog="python -m pretrain.train", description=__doc__)
    parser.add_argument("--data", type=Path, help="folder of nuclei_dsb2018; without it, drawn scenes alone")
    parser.add_argument("--out", type=Path, required=True, help="the safetensors file to write")
    parser.add_argument("--work", type=Path, help="folder of checkpoint and log, default: <out>.work")
    parser.add_argument("--minutes", type=float, default=100.0)
    parser.add_argument("--steps", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--images", type=int, default=8)
    parser.add_argument("--resume", action="store_true", help="go on from the checkpoint in the work folder")
    given = vars(parser.parse_args(arguments))
    resume = given.pop("resume")
    given["work"] = given["work"] or given["out"].with_suffix(".work")
    given["work"].mkdir(parents=True, exist_ok=True)
    if not resume and (given["work"] / "checkpoint.pt").exists():
        parser.error(f"{given['work']} holds a checkpoint; give --resume or another --work")
    return Plan(**given)


if __name__ == "__main__":
    torch.set_num_threads(2)
    train(parse())
