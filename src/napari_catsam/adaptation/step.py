"""One training step: views, prompts, decoded masks, loss."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch

from napari_catsam.adaptation.augment import InputSpec, View, draw_view
from napari_catsam.adaptation.losses import bce_dice_loss
from napari_catsam.adaptation.prompts import correct_prompts, jitter_boxes, simulate_prompts
from napari_catsam.adaptation.weights import weigh_objects
from napari_catsam.prediction.predictor import Predictor
from napari_catsam.prediction.readings import choose_masks
from napari_catsam.types import Prompts

if TYPE_CHECKING:
    from napari_catsam.adaptation.config import TrainConfig
    from napari_catsam.adaptation.shots import Sample
    from napari_catsam.models.catsam import CatSam
    from napari_catsam.models.decoded import Detail
    from napari_catsam.models.encoder import Encoded

__all__ = ["LossStep"]

CORRECTED = 0.25
"""Share of the steps in which each object gets corrective clicks."""

ROUNDS = (0.6, 0.25, 0.15)
"""How often these are one, two and three rounds of one click an object."""

CACHED_VIEWS = 16
"""With a frozen encoder so many views are encoded, once each, and shown in turn."""

WARM_UP_VIEWS = 6
"""So many while the encoder is frozen for the first part of a run only."""


class _Encoded(NamedTuple):
    views: list[View]
    encoded: Encoded


class LossStep:
    """Computes the loss of a step; what it shows depends on the seed and the step's number alone.

    Parameters
    ----------
    model : CatSam
        With trained parts.
    samples : tuple of Sample
        The training images.
    config : TrainConfig
        Gives the seed, and what is shown.
    views : int
        Views a step.

    Attributes
    ----------
    decoder_only : bool
        Whether the encoder is left as it is, so that its results are kept.
    """

    def __init__(
        self, model: CatSam, samples: tuple[Sample, ...], config: TrainConfig, views: int
    ) -> None:
        self.model = model
        self.samples = samples
        self.config = config
        self.views = views
        self.decoder_only = False
        self.spec = InputSpec(
            model.backbone.image_size, model.backbone.low_resolution, model.resize
        )
        self._predictor = Predictor(model)
        self._encoder_trains = any(p.requires_grad for p in model.tuner.parameters())
        self._cache: dict[int, _Encoded] = {}

    @property
    def encoder_trains(self) -> bool:
        """Whether a step changes the image encoder."""
        return self._encoder_trains and not self.decoder_only

    def loss(self, step: int, objects: int) -> torch.Tensor:
        """Compute the loss of step number ``step`` with at most ``objects`` objects: a scalar.

        Gradients reach every trained parameter, or the head's alone where only the decoder trains.
        """
        step = 0 if self.config.views == "fixed" else step
        batch = self._encode(step, objects)
        detail = self.model.detail(batch.encoded)
        total, count = torch.zeros((), device=self.model.device), 0
        generator = np.random.default_rng([self.config.seed, 2, step])
        for index, view in enumerate(batch.views):
            features = batch.encoded.features[index : index + 1]
            one_detail = detail.select(slice(index, index + 1))
            value = self._view_loss(view, features, one_detail, generator)
            total, count = total + value * len(view), count + len(view)
        return total / count

    def forget_views(self) -> None:
        """Draw and encode anew, for example with fewer objects."""
        self._cache.clear()

    def _encode(self, step: int, objects: int) -> _Encoded:
        """Draw and encode the views of a step; a frozen encoder's results are kept."""
        if self.encoder_trains:
            views = self._draw(step, objects)
            return _Encoded(views, self.model.encode(self._stack(views)))
        number = step % (WARM_UP_VIEWS if self._encoder_trains else CACHED_VIEWS)
        if number not in self._cache:
            views = self._draw(number, objects)
            with torch.no_grad():
                self._cache[number] = _Encoded(views, self.model.encode(self._stack(views)))
        return self._cache[number]

    def _draw(self, number: int, objects: int) -> list[View]:
        generator = np.random.default_rng([self.config.seed, 1, number])
        each = max(1, objects // self.views)
        return [draw_view(self.samples, each, self.spec, generator) for _ in range(self.views)]

    def _stack(self, views: list[View]) -> torch.Tensor:
        return torch.stack([view.pixels for view in views]).to(self.model.device)

    def _view_loss(
        self,
        view: View,
        features: torch.Tensor,
        detail: Detail,
        generator: np.random.Generator,
    ) -> torch.Tensor:
        prompts = _prompt(view, generator)
        if generator.random() < CORRECTED:
            rounds = 1 + int(generator.choice(len(ROUNDS), p=ROUNDS))
            for _ in range(rounds):
                prompts = self._correct(view, prompts, features, detail, generator)
        logits = self._decode(view, prompts, features, detail)
        if self.config.loss_resolution == "image":
            logits = view.frame.logits_to_image(logits)
            targets = torch.from_numpy(view.masks)
            ignore = torch.from_numpy(view.ignored)
        else:
            targets, ignore = view.targets, view.ignore
        device, areas = logits.device, view.masks.sum(axis=(1, 2))
        weights = torch.from_numpy(weigh_objects(areas)).float().to(device)
        return bce_dice_loss(logits, targets.to(device), ignore.to(device), weights)

    def _correct(
        self,
        view: View,
        prompts: Prompts,
        features: torch.Tensor,
        detail: Detail,
        generator: np.random.Generator,
    ) -> Prompts:
        """Click where the masks of now are wrong, and give them back to be corrected."""
        with torch.no_grad():
            logits = self._decode(view, prompts, features, detail).cpu()
        if not torch.isfinite(logits).all():
            return prompts  # the loss will say it
        counted = ~view.ignore
        guess, truth = (logits > 0) & counted, (view.targets > 0.5) & counted
        masks = logits.float().numpy()
        return correct_prompts(prompts, guess.numpy(), truth.numpy(), view.frame, generator, masks)

    def _decode(
        self, view: View, prompts: Prompts, features: torch.Tensor, detail: Detail
    ) -> torch.Tensor:
        tensors = self._predictor.prompts_to_input(prompts, view.frame)
        decoded = self.model.decode(features, detail, tensors)
        return choose_masks(decoded, lone_click=tensors.lone_click)[0]


def _prompt(view: View, generator: np.random.Generator) -> Prompts:
    if view.boxes is None:
        return simulate_prompts(view.masks, generator)
    return Prompts(boxes=jitter_boxes(view.boxes, view.frame.size, generator))
