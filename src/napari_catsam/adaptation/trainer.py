"""The state of one run: model, optimiser, best values so far."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch

from napari_catsam.adaptation.schedule import Schedule
from napari_catsam.adaptation.scoring import choose_scored, score_objects
from napari_catsam.adaptation.shots import split_shots
from napari_catsam.adaptation.start import start_from_base
from napari_catsam.adaptation.step import LossStep
from napari_catsam.errors import OutOfMemoryError, TrainingError
from napari_catsam.models.adapter import Adapter, ShotNote, cut_adapter
from napari_catsam.types import Progress, Shot

if TYPE_CHECKING:
    from napari_catsam.adaptation.config import TrainConfig
    from napari_catsam.models.catsam import CatSam

__all__ = ["Trainer"]

_LOG = logging.getLogger(__name__)


class Trainer:
    """Trains a fresh copy of the trained parts; the model passed in stays as it was.

    Parameters
    ----------
    model : CatSam
        The base. If it has the configured method already, training goes on from its values.
    shots : sequence of Shot
        What to learn from.
    config : TrainConfig
        How.

    Raises
    ------
    ShotError
        If the shots hold nothing to train on.
    TrainingError
        If the method trains nothing.
    """

    def __init__(self, model: CatSam, shots: Sequence[Shot], config: TrainConfig) -> None:
        self.config = config
        self.schedule = Schedule(config)
        self.shots = tuple(shots)
        self.intensity = config.intensity or model.intensity
        self.split = split_shots(self.shots, self.intensity, config.held_out, config.seed)
        self.base = model
        self.trainee = start_trainee(model, config)
        self.trainee.intensity = self.intensity
        self.parameters = [p for p in self.trainee.parameters() if p.requires_grad]
        self.optimiser = torch.optim.AdamW(
            self.parameters, lr=config.learning_rate, weight_decay=config.weight_decay
        )
        self.objects = config.objects_per_step
        self.loss = math.nan
        self.score_before = self.score_now = math.nan
        self._best_score = -math.inf
        self._best: dict[str, torch.Tensor] | None = None
        self._stepper = LossStep(self.trainee, self.split.train, config.views_per_step, config.seed)
        self._scored = self.split.scored

    def score_base(self) -> None:
        """Score the model as it came, on as many held-out images as the budget allows."""
        generator = np.random.default_rng([self.config.seed, 3])
        one = choose_scored(self.split.scored, 1, generator)
        started = time.monotonic()
        values = score_objects(self.base, one, self.intensity)
        seconds = time.monotonic() - started
        images = self.schedule.images_to_score(seconds, len(self.split.scored))
        self._scored = choose_scored(
            self.split.scored, images, np.random.default_rng([self.config.seed, 3])
        )
        if images > 1:
            started = time.monotonic()
            values = score_objects(self.base, self._scored, self.intensity)
            seconds = time.monotonic() - started
        self.score_before = float(values.mean())
        if self.trainee.method == self.base.method:
            self._keep(self.score_before)  # the values that training goes on from are worth keeping
        self.schedule.start_training(seconds)

    def train_step(self) -> bool:
        """Take one step; False if the loss is not finite any more and the run must end.

        Raises
        ------
        OutOfMemoryError
            If not even one object fits into memory.
        TrainingError
            If the loss is not finite and there are no values worth keeping.
        """
        started = time.monotonic()
        for group in self.optimiser.param_groups:
            group["lr"] = self.config.learning_rate * self.schedule.learning_factor
        loss, norm = self._gradients()
        if not (math.isfinite(loss) and math.isfinite(norm)):
            return self._diverged(loss)
        self.optimiser.step()
        self.loss = loss
        self.schedule.note_step(time.monotonic() - started)
        return True

    def _gradients(self) -> tuple[float, float]:
        """Compute loss and clipped gradients, with fewer objects if memory is short."""
        while True:
            try:
                self.optimiser.zero_grad(set_to_none=True)
                loss = self._stepper.loss(self.schedule.step, self.objects)
                loss.backward()
                norm = torch.nn.utils.clip_grad_norm_(self.parameters, self.config.clip_norm)
                return float(loss.detach()), float(norm)
            except RuntimeError as error:
                if not is_out_of_memory(error):
                    raise
                self._take_fewer_objects(error)

    def _take_fewer_objects(self, error: Exception) -> None:
        if self.objects == 1:
            raise OutOfMemoryError(
                f"training {self.trainee.backbone.name} with one object a step does not fit into "
                f"the memory of {self.trainee.device}; take a smaller model or close other programs"
            ) from error
        self.objects //= 2
        self._stepper.forget_views()
        self.optimiser.zero_grad(set_to_none=True)
        if self.trainee.device.type == "cuda":
            torch.cuda.empty_cache()
        _LOG.warning("not enough memory, training with %d objects a step", self.objects)

    def _diverged(self, loss: float) -> bool:
        step = self.schedule.step + 1
        if self._best is None:
            raise TrainingError(
                f"the loss is {loss} at step {step}; "
                f"use a learning rate below {self.config.learning_rate:g}"
            )
        _LOG.warning("the loss is %s at step %d, keeping the best values before", loss, step)
        return False

    def check(self) -> None:
        """Score the trained values and keep them if they are the best so far."""
        if self.schedule.checked and math.isfinite(self.score_now):
            return
        started = time.monotonic()
        self.score_now = float(score_objects(self.trainee, self._scored, self.intensity).mean())
        if self.score_now > self._best_score:
            self._keep(self.score_now)
        self.schedule.note_check(time.monotonic() - started)

    def _keep(self, score: float) -> None:
        self._best_score = score
        self._best = {k: v.clone() for k, v in self.trainee.trained_tensors().items()}

    def progress(self, stage: str) -> Progress:
        """Say how far the run is."""
        return Progress(
            step=self.schedule.step,
            total=self.schedule.total,
            seconds=self.schedule.seconds,
            loss=self.loss,
            iou_before=self.score_before,
            iou_now=self.score_now,
            stage=stage,
        )

    def finish(self) -> Adapter:
        """Put the best values back and cut the adapter out."""
        if self._best is not None:
            copy_values(self._best, self.trainee)
        notes = tuple(_describe(shot) for shot in self.shots)
        channels = np.asarray(self.shots[0].image)
        return cut_adapter(
            self.trainee,
            channels=1 if channels.ndim == 2 else channels.shape[2],
            pixel_size=self.config.pixel_size,
            shots=notes,
            steps=self.schedule.step,
            seconds=self.schedule.seconds,
            score_before=self.score_before,
            score_after=self._best_score,
            seed=self.config.seed,
            note=self._note(),
        )

    def _note(self) -> str:
        """Join the user's words, what was scored, and whether it helped."""
        worse = not self._best_score > self.score_before
        parts = (
            self.config.note,
            self.split.note,
            "not better than the base model" if worse else "",
        )
        return "; ".join(part for part in parts if part)


def start_trainee(model: CatSam, config: TrainConfig) -> CatSam:
    """Make the model that is trained: with fresh parts, or with its own if it has the method.

    Raises
    ------
    TrainingError
        If the method trains nothing.
    """
    _ = model.backbone_sha256  # hashed here, the trainee takes it over instead of hashing again
    trainee = model.with_method(config.method, seed=config.seed)
    if not trainee.trained_tensors():
        raise TrainingError(f"method {config.method!r} trains nothing; choose cat-a, cat-t or hq")
    if model.method == config.method:
        copy_values(model.trained_tensors(), trainee)
        if trainee.head is not None and model.head is not None:
            trainee.head.adds_base = model.head.adds_base
    elif config.init == "base":
        start_from_base(trainee)
    return trainee


def copy_values(values: dict[str, torch.Tensor], model: CatSam) -> None:
    """Copy tensors into the parameters of the same names."""
    parameters = dict(model.named_parameters())
    with torch.no_grad():
        for name, value in values.items():
            parameters[name].copy_(value)


def is_out_of_memory(error: BaseException) -> bool:
    """Whether torch says that memory ran out; on the CPU it says so in words only."""
    words = ("not enough memory", "can't allocate memory")
    return isinstance(error, torch.OutOfMemoryError) or any(w in str(error) for w in words)


def _describe(shot: Shot) -> ShotNote:
    masks = np.asarray(shot.masks)
    height, width = masks.shape
    return ShotNote(shot.name, height, width, len(np.unique(masks[masks != 0])))
