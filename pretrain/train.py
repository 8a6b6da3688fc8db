"""Train ``vit_nano`` from nothing: ``python -m pretrain.train --data DIR --out FILE --minutes 80``."""

from __future__ import annotations

import argparse
import copy
import dataclasses
import json
import math
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import distributed
from torch.multiprocessing.spawn import spawn

from pretrain.evaluate import Scores, measure, summarise
from pretrain.export import write_asset
from pretrain.network import build_network, dense_head, half_copy
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
        Windows of 256 pixels in a step, of all processes together; a fourth of it, of 512 pixels, in
        the second stage.
    processes
        Each computes its share of a step on one thread; on a busy machine that beats one process with
        as many threads, which wait for each other at every operation.
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
    processes: int = 2
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
        self.fast, self.fast_head = half_copy(self.sam), dense_head().to(torch.bfloat16)
        self.refresh()
        self.step, self.seconds, self.resumed = 0, 0.0, 0
        decay = [p for p in self.parameters() if p.ndim > 1]
        plain = [p for p in self.parameters() if p.ndim <= 1]
        groups = [{"params": decay, "weight_decay": 0.05}, {"params": plain, "weight_decay": 0.0}]
        self.optimiser = torch.optim.AdamW(groups, plan.rate, betas=(0.9, 0.98))

    def parameters(self) -> list[torch.nn.Parameter]:
        """All that is trained, the auxiliary head too."""
        return [*self.sam.parameters(), *self.head.parameters()]

    def fast_parameters(self) -> list[torch.nn.Parameter]:
        """The bfloat16 copies of :meth:`parameters`, in the same order."""
        return [*self.fast.parameters(), *self.fast_head.parameters()]

    def refresh(self) -> None:
        """Copy the parameters into their bfloat16 copies."""
        with torch.no_grad():
            torch._foreach_copy_(self.fast_parameters(), self.parameters())

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


def stream(plan: Plan, full: bool, seed: int) -> Iterator[dict[str, torch.Tensor]]:
    """This process's share of the batches of the first stage, or of the second when ``full``."""
    size, images = (2 * plan.size, plan.images // 4) if full else (plan.size, plan.images)
    share = max(1, images // plan.processes)
    samples = iter(SampleStream(plan.data, SampleConfig(size=size), seed))
    while True:
        some = [next(samples) for _ in range(share)]
        yield {key: torch.stack([sample[key] for sample in some]) for key in some[0]}


def train(plan: Plan, rank: int = 0) -> Run:
    """Run the plan and write the weights; also writes them whenever a score is taken.

    Parameters
    ----------
    plan
        What to do.
    rank
        Which of the plan's processes this is; only the first one writes.

    Returns
    -------
    Run
        With the averaged model in ``mean``.
    """
    run = Run(plan)
    if (plan.work / "checkpoint.pt").exists():
        run.load()
    seed = plan.seed + 10_000 * run.resumed + 100 * rank
    step = Step(run.fast, run.fast_head, StepConfig(), seed)
    stage, batches, recent = None, iter(()), {}
    saved = scored = run.seconds
    while run.part() < 1.0:
        start = time.monotonic()
        if stage != (run.part() >= plan.full_from):
            stage = run.part() >= plan.full_from
            batches = stream(plan, stage, seed + int(stage))
        parts = learn(run, step, next(batches))
        for key, value in parts.items():
            recent.setdefault(key, []).append(value)
        run.step += 1
        run.seconds = agree(plan, run.seconds + time.monotonic() - start)
        if rank == 0 and (run.step % plan.every == 0 or run.step == 1):
            log(
                plan,
                {"step": run.step, "minutes": run.seconds / 60, "full": stage, **means(recent)},
            )
            recent = {}
        if run.seconds - saved > 60 * plan.save_minutes:
            saved = run.seconds
            if rank == 0:
                run.save()
        if run.seconds - scored > 60 * plan.evaluate_minutes:
            scored = run.seconds
            report(run, rank, images=24, limit=12)
    if rank == 0:
        run.save()
    report(run, rank, images=24, limit=12)
    return run


def means(recent: dict[str, list[float]]) -> dict[str, float]:
    """The mean of each value since the last line of the log."""
    return {key: sum(values) / len(values) for key, values in recent.items()}


def agree(plan: Plan, seconds: float) -> float:
    """The first process's clock, so that all processes end and change stage at the same step."""
    if plan.processes == 1:
        return seconds
    clock = torch.tensor([seconds], dtype=torch.float64)
    distributed.broadcast(clock, 0)
    return float(clock)


def learn(run: Run, step: Step, batch: dict[str, torch.Tensor]) -> dict[str, float]:
    """One optimiser step; the parts of the loss."""
    rate = run.learning_rate()
    for group in run.optimiser.param_groups:
        group["lr"] = rate
    loss, parts = step(batch, dense_weight=max(0.15, 1 - 1.2 * run.part()))
    for parameter in run.fast_parameters():
        parameter.grad = None
    loss.backward()
    share_gradients(run)
    norm = torch.nn.utils.clip_grad_norm_(run.parameters(), 1.0)
    if torch.isfinite(norm):
        run.optimiser.step()
        run.refresh()
    run.average()
    return {"loss": float(loss.detach()), "norm": float(norm), **parts}


def share_gradients(run: Run) -> None:
    """Give every parameter the gradient of its bfloat16 copy, as float32, averaged over the processes."""
    pieces = [p.new_zeros(p.shape) if p.grad is None else p.grad for p in run.fast_parameters()]
    flat = torch.cat([piece.flatten().float() for piece in pieces])
    if run.plan.processes > 1:
        distributed.all_reduce(flat)
        flat /= run.plan.processes
    for parameter, piece in zip(
        run.parameters(), flat.split([p.numel() for p in pieces]), strict=True
    ):
        parameter.grad = piece.view_as(parameter)


def report(run: Run, rank: int, images: int, limit: int) -> None:
    """Score the averaged model on held-out nuclei, each process its share, and write the weights."""
    scores = None
    if run.plan.data is not None:
        scores = held_out_scores(run, rank, images, limit)
    if rank == 0 and scores is not None:
        log(
            run.plan,
            {"step": run.step, "minutes": run.seconds / 60, "scores": dataclasses.asdict(scores)},
        )
    if rank == 0:
        write_asset(run.mean, run.plan.out, run.step, run.seconds, run.plan.seed, scores)


def held_out_scores(run: Run, rank: int, images: int, limit: int) -> Scores:
    """Scores on ``images`` of the held-out nuclei, the same in every process."""
    plan = run.plan
    assert plan.data is not None
    held = split_names(list_names(plan.data))[1]
    names = [held[int(i)] for i in np.linspace(0, len(held) - 1, images)][rank :: plan.processes]
    part = measure(run.mean, [read_pair(plan.data, name) for name in names], limit)
    parts: list[Any] = [part]
    if plan.processes > 1:
        parts = [None] * plan.processes
        distributed.all_gather_object(parts, part)
    return summarise(parts)


def log(plan: Plan, row: dict[str, Any]) -> None:
    """Append a JSON line to ``log.jsonl`` and show it."""
    row = {
        key: round(value, 4) if isinstance(value, float) else value for key, value in row.items()
    }
    with (plan.work / "log.jsonl").open("a") as file:
        file.write(json.dumps(row) + "\n")
    print(json.dumps(row), flush=True)


def parse(arguments: list[str] | None = None) -> Plan:
    """The plan that the command line asks for."""
    parser = argparse.ArgumentParser(prog="python -m pretrain.train", description=__doc__)
    parser.add_argument(
        "--data", type=Path, help="folder of nuclei_dsb2018; without it, drawn scenes alone"
    )
    parser.add_argument("--out", type=Path, required=True, help="the safetensors file to write")
    parser.add_argument(
        "--work", type=Path, help="folder of checkpoint and log, default: <out>.work"
    )
    parser.add_argument("--minutes", type=float, default=100.0)
    parser.add_argument("--steps", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--images", type=int, default=8)
    parser.add_argument("--processes", type=int, default=2, help="one thread each")
    parser.add_argument(
        "--resume", action="store_true", help="go on from the checkpoint in the work folder"
    )
    given = vars(parser.parse_args(arguments))
    resume = given.pop("resume")
    given["work"] = given["work"] or given["out"].with_suffix(".work")
    given["work"].mkdir(parents=True, exist_ok=True)
    if not resume and (given["work"] / "checkpoint.pt").exists():
        parser.error(f"{given['work']} holds a checkpoint; give --resume or another --work")
    return Plan(**given)


def work(rank: int, plan: Plan, meeting: str) -> None:
    """One process of a run."""
    torch.set_num_threads(1)
    if plan.processes > 1:
        distributed.init_process_group(
            "gloo", init_method=f"file://{meeting}", rank=rank, world_size=plan.processes
        )
    train(plan, rank)


def main(arguments: list[str] | None = None) -> None:
    """Run what the command line asks for."""
    plan = parse(arguments)
    with tempfile.TemporaryDirectory() as folder:
        meeting = str(Path(folder) / "meeting")
        if plan.processes == 1:
            work(0, plan, meeting)
        else:
            spawn(work, (plan, meeting), nprocs=plan.processes)


if __name__ == "__main__":
    main()
