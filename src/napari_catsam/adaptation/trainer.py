"""The state of one run: model, optimiser, values kept so far."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable, Generator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import torch

from napari_catsam.adaptation import memory
from napari_catsam.adaptation.average import NEARER, RunningMean, choose_share
from napari_catsam.adaptation.optimiser import build_optimiser
from napari_catsam.adaptation.result import make_adapter
from napari_catsam.adaptation.schedule import Schedule
from napari_catsam.adaptation.scoring import FIRST_OBJECTS, Watched, estimate_seconds, watch
from napari_catsam.adaptation.shots import split_shots
from napari_catsam.adaptation.start import copy_values, start_trainee
from napari_catsam.adaptation.step import LossStep
from napari_catsam.errors import OutOfMemoryError, TrainingError

if TYPE_CHECKING:
    from napari_catsam.adaptation.config import TrainConfig
    from napari_catsam.models.adapter import Adapter
    from napari_catsam.models.catsam import CatSam
    from napari_catsam.types import Shot

__all__ = ["Trainer"]

_LOG = logging.getLogger(__name__)
Scores = npt.NDArray[np.float64]


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

    Attributes
    ----------
    notices : list of str
        What the user should know and has not been told.
    before, start, after : ndarray of float
        Object IoU of the base, of the values at the start, which are the base's if those are not scored,
        and of the values kept so far; empty while unknown.
    weights : ndarray of float
        How much each of these objects counts; with sum 1.
    peak : float
        The best score of a look during the training; minus infinity before the first.
    fits : dict
        What the run is for, once it was recorded.

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
        self.split = split_shots(
            self.shots, self.intensity, config.held_out, config.seed, config.annotated
        )
        self.base = model
        self.trainee = start_trainee(model, config)
        self.trainee.intensity = self.intensity
        self.loss = self.score_before = self.score_now = math.nan
        self.before, self.start, self.after = (np.empty(0) for _ in range(3))
        self.peak, self.looks_without_rise = -math.inf, 0
        self.fits: dict[str, Any] = {}
        self.best: dict[str, torch.Tensor] | None = None
        self.watched = Watched()
        self.share = choose_share(model, config)
        self.mean = RunningMean(self.trainee, config.average)
        free = memory.free_bytes(self.trainee.device)
        self.plan, notice = memory.plan_step(self.trainee, config, free)
        self.notices = [notice] if notice else []
        self._prepare()

    def _prepare(self) -> None:
        """Make what depends on the trainee, its device and the plan."""
        config = self.config
        self.trainee.checkpoint_blocks = self.plan.checkpoint_blocks
        self.parameters = [p for p in self.trainee.parameters() if p.requires_grad]
        self.optimiser = build_optimiser(self.parameters, config)
        self.stepper = LossStep(self.trainee, self.split.train, config, self.plan.views)

    @property
    def finished(self) -> bool:
        """Whether time, steps or patience are used up."""
        patience = self.config.patience
        tired = patience is not None and self.looks_without_rise >= patience
        return self.schedule.finished or tired

    def score_base(self) -> Generator[None]:
        """Score the model as it came, image by image, on as many as the budget allows."""
        all_ = self.split.scored
        self.watched = watch(all_, 1, FIRST_OBJECTS, self.config.seed)
        values, seconds = yield from self._time_base()
        image_seconds = estimate_seconds(seconds, len(values), all_)
        images = self.schedule.images_to_score(image_seconds, len(all_))
        limit = self.schedule.objects_to_score(image_seconds, images, FIRST_OBJECTS)
        self.watched = watch(all_, images, limit, self.config.seed)
        if len(self.watched.weights) > len(values):
            values, seconds = yield from self._time_base()
        self.before, self.score_before = values, self.watched.mean(values)
        # The first candidate is where training starts: a run must not end worse than it began.
        if self._starts_as_scored:
            self._keep(values)
        elif self.config.init != "official" and self.schedule.affords_start(seconds):
            self._keep((yield from self._score(lambda: self.trainee)))
        self.start = self.after if self.after.size else values
        self.schedule.start_training(seconds, 0 if self.share == 1 else 1 + self.watched.several)

    def _time_base(self) -> Generator[None, None, tuple[Scores, float]]:
        """Score the base model; return how many seconds that took, too."""
        started = self.schedule.seconds
        values = yield from self._score(lambda: self.base)
        return values, self.schedule.seconds - started

    @property
    def _starts_as_scored(self) -> bool:
        """Whether the masks at the start are those of the model as it came, to the last bit."""
        exact = self.config.init == "identity" and self.base.method == "sam"
        return exact or self.trainee.method == self.base.method

    def train_step(self) -> bool:
        """Take one step; False if the loss is not finite any more and the run must end.

        Raises
        ------
        OutOfMemoryError
            If not even one object fits into memory.
        TrainingError
            If the loss is not finite before any trained values were scored.
        """
        started = time.monotonic()
        for group in self.optimiser.param_groups:
            group["lr"] = self.config.learning_rate * self.schedule.learning_factor
        decoder_only = self.schedule.fraction < self.config.decoder_share
        if self.stepper.decoder_only and not decoder_only:
            self.stepper.forget_views()  # their embeddings are out of date from here on
        self.stepper.decoder_only = decoder_only
        loss, norm = self._gradients()
        if not math.isfinite(loss):
            return self._diverged(f"loss is {loss}")
        if not math.isfinite(norm):
            return self._diverged(f"length of the gradient is {norm}")
        self.optimiser.step()
        self.mean.add(self.trainee)
        self.loss = loss
        self.schedule.note_step(time.monotonic() - started)
        return True

    def _gradients(self) -> tuple[float, float]:
        """Compute loss and clipped gradients, with less if memory is short."""
        while True:
            try:
                self.optimiser.zero_grad(set_to_none=True)
                loss = self.stepper.loss(self.schedule.step, self.plan.objects)
                loss.backward()
                norm = torch.nn.utils.clip_grad_norm_(self.parameters, self.config.clip_norm)
                return float(loss.detach()), float(norm)
            except RuntimeError as error:
                if not memory.is_out_of_memory(error):
                    raise
                failure = error
            # Outside of the handler, whose traceback holds the tensors of the step.
            self._fall_back(failure)

    def _fall_back(self, error: Exception) -> None:
        device = self.trainee.device
        encoder = self.stepper.encoder_trains
        plan = memory.fall_back(self.plan, encoder=encoder, device=device)
        if plan is None:
            raise OutOfMemoryError(
                f"training {self.trainee.backbone.name} with one object a step does not fit into "
                f"the memory of {device}; take a smaller model or close other programs"
            ) from error
        error.__traceback__ = None
        self.optimiser.zero_grad(set_to_none=True)
        self.plan = plan
        if plan.on_cpu:
            self._move_to_cpu()
        self.trainee.checkpoint_blocks = plan.checkpoint_blocks
        self.stepper.views = plan.views
        self.stepper.forget_views()
        if device.type == "cuda":
            torch.cuda.empty_cache()
        self._tell(f"not enough memory, training with {memory.describe(plan)}")

    def _move_to_cpu(self) -> None:
        """Go on with copies on the CPU; the model that was passed in stays where it is."""
        state = self.optimiser.state_dict()
        self.base, self.trainee = memory.copy_to_cpu(self.base), memory.copy_to_cpu(self.trainee)
        self.mean.move(self.trainee.device)
        decoder_only = self.stepper.decoder_only
        self._prepare()
        self.stepper.decoder_only = decoder_only
        self.optimiser.load_state_dict(state)
        if self.best is not None:
            self.best = {name: value.cpu() for name, value in self.best.items()}

    def _tell(self, notice: str) -> None:
        _LOG.warning(notice)
        self.notices.append(notice)

    def _diverged(self, what: str) -> bool:
        step = self.schedule.step + 1
        if self.best is None or math.isinf(self.peak):
            raise TrainingError(
                f"the {what} at step {step}; "
                f"use a learning rate below {self.config.learning_rate:g}"
            )
        self._tell(f"the {what} at step {step}, keeping the best values before")
        return False

    def check(self) -> Generator[None]:
        """Score the trained values, image by image, and keep them if they are the best so far."""
        if self.schedule.checked and math.isfinite(self.score_now):
            return
        started = self.schedule.seconds
        self.score_now = yield from self._try(self.share, self.watched.is_better)
        self.looks_without_rise += 1
        if self.score_now > self.peak:  # the start does not count: a run may fall and rise
            self.peak, self.looks_without_rise = self.score_now, 0
        self.schedule.note_check(self.schedule.seconds - started)

    def check_ends(self) -> Generator[None]:
        """Score what lies further from the start, and nearer to it; keep it if that is as well or better.

        All the way is often better for long objects that the base model misses. Nearer to the start it is
        forgotten less, which the held-out masks cannot show: so far is gone only for a clear gain.
        """
        if self.share == 1 or not self.schedule.affords_end:
            return
        self.score_now = max(self.score_now, (yield from self._try(1.0, self.watched.is_better)))
        if self.watched.several and self.schedule.affords_end:
            yield
            yield from self._try(NEARER * self.share, self.watched.is_as_good)

    def _try(
        self, share: float, wanted: Callable[[Scores, Scores, Scores], bool]
    ) -> Generator[None, None, float]:
        """Score the values at this share of the way from the start, and keep them if they are wanted."""
        trainee = self.trainee
        with self.mean.applied(trainee, share) as own:
            values = yield from self._score(lambda: self.trainee)
            if wanted(values, self.after, self.start):
                self._keep(values)
        if trainee is not self.trainee:  # a copy on the CPU, with the values that were scored
            copy_values(own, self.trainee)
        return self.watched.mean(values)

    def _score(self, model: Callable[[], CatSam]) -> Generator[None, None, Scores]:
        """Score a model; on the CPU, and the run with it, if its device is too small."""
        try:
            return (yield from self.watched.score(model(), self.intensity))
        except (OutOfMemoryError, RuntimeError) as error:
            if self.trainee.device.type == "cpu" or not memory.is_out_of_memory(error):
                raise
        self.plan = replace(self.plan, on_cpu=True)
        self._move_to_cpu()
        self._tell(f"not enough memory to score, training with {memory.describe(self.plan)}")
        return (yield from self.watched.score(model(), self.intensity))

    def _keep(self, values: Scores) -> None:
        self.after = values
        self.best = {k: v.clone() for k, v in self.trainee.trained_tensors().items()}

    def finish(self) -> Adapter:
        """Put the values that were kept back and cut the adapter out."""
        if self.best is not None:
            copy_values(self.best, self.trainee)
        return make_adapter(self)
