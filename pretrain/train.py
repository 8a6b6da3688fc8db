"""Train ``vit_nano`` from nothing: ``python -m pretrain.train --data DIR --out FILE --minutes 80``."""

from __future__ import annotations

import argparse
import dataclasses
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import distributed

from pretrain.evaluate import Scores, measure, summarise
from pretrain.export import write_asset
from pretrain.journal import means, write_line
from pretrain.nuclei import INPUT, Pair, list_names, read_pair, split_names
from pretrain.processes import agree, run_together, share_mean
from pretrain.refine import RefinePlan, refine
from pretrain.samples import SampleConfig, SampleStream
from pretrain.scenes import draw_scene
from pretrain.state import Plan, Run
from pretrain.steps import Step, StepConfig

SCENES_SEED = 987_654_321
"""First part of the seeds of the scenes that are only measured."""

SCORED_OBJECTS = 12
"""At most so many objects of an image are scored during a run."""


def stream(plan: Plan, stage: str, seed: int) -> Iterator[dict[str, torch.Tensor]]:
    """This process's share of the batches of a stage."""
    size = {"full": 2 * plan.size, "small": max(128, plan.size // 2)}.get(stage, plan.size)
    images = {"dense": 2 * plan.images, "small": 3 * plan.images, "full": plan.images // 4}.get(
        stage, plan.images
    )
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
    if run.step == 0:
        take_scores(run, rank)
    batches: dict[str, Iterator[dict[str, torch.Tensor]]] = {}
    recent: dict[str, list[float]] = {}
    clock = Clock(run.seconds, run.seconds)
    while run.part() < 1.0:
        start = time.monotonic()
        stage = run.stage()
        if stage not in batches:
            batches[stage] = stream(plan, stage, seed + len(stage))
        parts = learn(run, step, next(batches[stage]))
        for key, value in parts.items():
            recent.setdefault(key, []).append(value)
        run.step += 1
        run.seconds = agree(run.seconds + time.monotonic() - start)
        if rank == 0 and (run.step % plan.every == 0 or run.step == 1):
            write_line(plan.work / "log.jsonl", {**place(run), "stage": stage, **means(recent)})
            recent = {}
        clock.keep(run, rank)
    if rank == 0:
        run.save()
    report(run, rank)
    return run


@dataclasses.dataclass
class Clock:
    """When the run was last saved and scored, in its own seconds."""

    saved: float
    scored: float

    def keep(self, run: Run, rank: int) -> None:
        """Save and score the run when it is time for it."""
        if run.seconds - self.saved > 60 * run.plan.save_minutes:
            self.saved = run.seconds
            if rank == 0:
                run.save()
        if run.seconds - self.scored > 60 * run.plan.evaluate_minutes:
            self.scored = run.seconds
            report(run, rank)


def place(run: Run) -> dict[str, float]:
    """How far the run is, for a line of the log."""
    return {"step": run.step, "minutes": run.seconds / 60}


def learn(run: Run, step: Step, batch: dict[str, torch.Tensor]) -> dict[str, float]:
    """One optimiser step; the parts of the loss."""
    rate = run.learning_rate()
    for group in run.optimiser.param_groups:
        group["lr"] = rate
    if run.stage() == "dense":
        loss, parts = step.learn_maps(batch)
    else:
        loss, parts = step.learn_prompts(batch, dense_weight=1.1 - run.part())
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
    """Give every parameter the gradient of its copy, as float32, averaged over the processes."""
    pieces = [p.new_zeros(p.shape) if p.grad is None else p.grad for p in run.fast_parameters()]
    flat = share_mean(torch.cat([piece.flatten().float() for piece in pieces]))
    for parameter, piece in zip(
        run.parameters(), flat.split([p.numel() for p in pieces]), strict=True
    ):
        parameter.grad = piece.view_as(parameter)


def report(run: Run, rank: int) -> None:
    """Take scores and write the averaged weights."""
    scores = take_scores(run, rank)
    if rank == 0:
        write_asset(run.mean, run.plan.out, run.step, run.seconds, run.plan.seed, scores)


def take_scores(run: Run, rank: int) -> Scores:
    """Score the averaged model on images it never saw, each process its share; the same in every one."""
    plan = run.plan
    part = measure(
        run.mean, held_out_pairs(plan, plan.scored)[rank :: plan.processes], SCORED_OBJECTS
    )
    parts: list[Any] = [part]
    if plan.processes > 1:
        parts = [None] * plan.processes
        distributed.all_gather_object(parts, part)
    scores = summarise(parts)
    if rank == 0:
        write_line(plan.work / "log.jsonl", {**place(run), "scores": dataclasses.asdict(scores)})
    return scores


def held_out_pairs(plan: Plan, images: int) -> list[Pair]:
    """So many of the held-out nuclei; without data, scenes from seeds that training does not use."""
    if plan.data is None:
        scenes = [draw_scene(np.random.default_rng([SCENES_SEED, i]), INPUT) for i in range(images)]
        return [Pair(f"scene {i}", scene.image, scene.labels) for i, scene in enumerate(scenes)]
    held = split_names(list_names(plan.data))[1]
    chosen = np.linspace(0, len(held) - 1, images).astype(int)
    return [read_pair(plan.data, held[i]) for i in chosen]


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
    parser.add_argument("--minutes", type=float, default=273.0)
    parser.add_argument("--steps", type=int, default=1_000_000)
    parser.add_argument(
        "--refine-minutes", type=float, default=60.0, help="of the refiner, afterwards"
    )
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--images", type=int, default=4)
    parser.add_argument("--processes", type=int, default=2, help="one thread each")
    parser.add_argument(
        "--resume", action="store_true", help="go on from the checkpoint in the work folder"
    )
    parser.add_argument("--dense-from", type=float, default=0.0, help="part of the run")
    parser.add_argument("--dense-until", type=float, default=0.2, help="part of the run")
    given = vars(parser.parse_args(arguments))
    resume = given.pop("resume")
    given["work"] = given["work"] or given["out"].with_suffix(".work")
    given["work"].mkdir(parents=True, exist_ok=True)
    if not resume and (given["work"] / "checkpoint.pt").exists():
        parser.error(f"{given['work']} holds a checkpoint; give --resume or another --work")
    return Plan(**given)


def train_part(rank: int, plan: Plan) -> None:
    """One process of a run."""
    train(plan, rank)


def main(arguments: list[str] | None = None) -> None:
    """Run what the command line asks for."""
    plan = parse(arguments)
    run_together(train_part, plan.processes, plan)
    looks = plan.work / "looks"
    refine(RefinePlan(plan.out, looks, plan.data, plan.refine_minutes, plan.seed, plan.processes))


if __name__ == "__main__":
    main()
