"""The training of one run: steps, curves, the values that are chosen, and a state to go on from."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import asdict, astuple
from statistics import fmean
from typing import TYPE_CHECKING, Any

import torch

from napari_catsam.adaptation.config import TrainConfig
from napari_catsam.adaptation.start import copy_values, start_trainee
from napari_catsam.errors import TrainingError
from napari_catsam.evaluation.protocol.held_out import HeldBack, hold_back
from napari_catsam.evaluation.protocol.images import (
    TrainingImages,
    iterate_parts,
    list_training_names,
)
from napari_catsam.evaluation.protocol.step import PartLoss
from napari_catsam.evaluation.protocol.views import Recipe
from napari_catsam.evaluation.runs import CurveRow

if TYPE_CHECKING:
    from napari_catsam.adaptation.state import RunState
    from napari_catsam.evaluation.datasets.base import Dataset
    from napari_catsam.evaluation.protocol.config import ProtocolConfig
    from napari_catsam.evaluation.protocol.processes import Processes
    from napari_catsam.models.catsam import CatSam

__all__ = ["Training"]

MOMENTS = ("step", "exp_avg", "exp_avg_sq")
"""What AdamW keeps of each parameter."""


class Training:
    """Trains a fresh copy of the trained parts; the model passed in stays as it was.

    Parameters
    ----------
    base : CatSam
        Gives the frozen weights.
    dataset : Dataset
        Gives images, rule and prompts.
    config : ProtocolConfig
        How.
    processes : Processes
        Among which the images of each step are shared out.

    Attributes
    ----------
    model : CatSam
        The one that is trained.
    epoch, steps : int
        That are done.
    rows : list of CurveRow
        One an epoch.
    seconds : float
        That a run took before it was killed.
    best_epoch : int
        After which the best values were seen; 0 before any was looked at.

    Raises
    ------
    TrainingError
        If the method trains nothing, or images are missing, or nothing can be held out.
    """

    def __init__(
        self, base: CatSam, dataset: Dataset, config: ProtocolConfig, processes: Processes
    ) -> None:
        self.config, self.dataset = config, dataset
        self.model = _start(base, config)
        self.names = list_training_names(dataset, config)
        self.held = self._hold_back()
        self.recipe = Recipe(
            flips=config.augment != "none",
            crops=config.crops(dataset.name),
            prompts=config.prompts or dataset.train_prompts,
            rule=dataset.rule,
            noise=dataset.mask_noise,
            low_resolution=self.model.backbone.low_resolution,
        )
        self.parameters = {k: p for k, p in self.model.named_parameters() if p.requires_grad}
        self.optimiser = torch.optim.AdamW(
            self.parameters.values(), lr=config.learning_rate, weight_decay=config.weight_decay
        )
        self._processes = processes
        self._loss = processes.share(PartLoss(self.model))
        self.epoch = self.steps = self.best_epoch = 0
        self.seconds, self.best_score = 0.0, -math.inf
        self.best: dict[str, torch.Tensor] | None = None
        self.rows: list[CurveRow] = []

    def _hold_back(self) -> HeldBack:
        intensity = self.model.intensity
        if self.config.select == "held-out":
            return hold_back(self.dataset, self.names, self.config, intensity)
        return HeldBack(TrainingImages(self.dataset, self.names, intensity))

    @property
    def finished(self) -> bool:
        """Whether all epochs are done."""
        return self.epoch >= self.config.schedule.epochs

    @property
    def total_steps(self) -> int:
        """Of all epochs."""
        schedule = self.config.schedule
        return schedule.epochs * math.ceil(len(self.held.images) / schedule.batch)

    @property
    def check_due(self) -> bool:
        """Whether it is time to look at the score and to save the state."""
        return self.finished or self.epoch % self.config.schedule.check_every == 0

    def iterate_epoch(self) -> Iterator[float]:
        """Train one epoch; yield the loss of each step, the mean over all images of its batch.

        Raises
        ------
        TrainingError
            If the loss is not finite.
        """
        rate = self.config.rate(self.epoch)
        for group in self.optimiser.param_groups:
            group["lr"] = rate
        losses: list[float] = []
        place = self._processes.rank, self._processes.count
        for part in iterate_parts(self.held.images, self.recipe, self.config, self.epoch, *place):
            self.optimiser.zero_grad(set_to_none=True)
            loss = self._loss(part)
            self._processes.backward(loss)
            self.optimiser.step()
            self.steps += 1
            mean = self._processes.mean(loss)
            if not math.isfinite(mean):
                raise TrainingError(
                    f"the loss is {mean} in epoch {self.epoch + 1}; "
                    f"use a learning rate below {self.config.learning_rate:g}"
                )
            losses += [mean] * part.images
            yield mean
        self.epoch += 1
        self.rows.append(CurveRow(self.epoch, self.steps, fmean(losses), rate, math.nan, 0.0))

    def note(self, score: float, seconds: float) -> None:
        """Complete the row of the last epoch, and keep its values if they are the best so far."""
        last = asdict(self.rows[-1]) | {"score": score, "seconds": seconds}
        self.rows[-1] = CurveRow(**last)
        if score > self.best_score:
            self.best_score, self.best_epoch = score, self.epoch
            self.best = {k: v.cpu().clone() for k, v in self.model.trained_tensors().items()}

    def choose(self) -> int:
        """Put the chosen values into the model; return the epoch they are of."""
        if self.config.select == "last" or self.best is None:
            return self.epoch
        copy_values(self.best, self.model)
        return self.best_epoch

    def record(self, state: RunState, settings: dict[str, Any]) -> None:
        """Write into a state what the run needs to go on."""
        names = list(self.parameters)
        moments = self.optimiser.state_dict()["state"]
        groups = {"value": self.model.trained_tensors(), "best": self.best or {}}
        for kind in MOMENTS:
            groups[kind] = {names[i]: torch.as_tensor(v[kind]) for i, v in moments.items()}
        facts = {
            "fits": settings,
            "steps": self.steps,
            "best_epoch": self.best_epoch,
            "best_score": None if math.isinf(self.best_score) else self.best_score,
            "rows": [[None if x != x else x for x in astuple(row)] for row in self.rows],
        }
        state.put(facts, groups)

    def resume(self, state: RunState, settings: dict[str, Any]) -> None:
        """Bring a training that has not begun to where a state was recorded.

        Raises
        ------
        TrainingError
            If the state is that of a run with other settings, or on another model.
        """
        facts = state.facts
        if facts.get("fits") != settings:
            raise TrainingError(
                "the killed run had other settings or another model; choose another folder"
            )
        copy_values(state.group("value"), self.model)
        groups = {kind: state.group(kind) for kind in MOMENTS}
        moments = {
            index: {kind: group[name].clone() for kind, group in groups.items()}
            for index, name in enumerate(self.parameters)
            if name in groups["step"]
        }
        self.optimiser.load_state_dict(self.optimiser.state_dict() | {"state": moments})
        self.best = state.group("best") or None
        best = facts["best_score"]
        self.best_epoch, self.best_score = facts["best_epoch"], -math.inf if best is None else best
        rows: list[Any] = [[math.nan if x is None else x for x in row] for row in facts["rows"]]
        self.rows = [CurveRow(*row) for row in rows]
        self.epoch, self.steps = len(rows), facts["steps"]
        self.seconds = self.rows[-1].seconds


def _start(base: CatSam, config: ProtocolConfig) -> CatSam:
    plain: Any = {"method": config.method, "seed": config.seed, "init": config.init}
    model = start_trainee(base, TrainConfig(**plain))
    model.resize = config.resize
    return model
