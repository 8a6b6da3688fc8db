"""One training step: views, prompts, decoded masks, loss."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch

from napari_catsam.adaptation.augment import InputSpec, View, draw_view
from napari_catsam.adaptation.losses import bce_dice_loss
from napari_catsam.adaptation.prompts import correct_prompts, simulate_prompts
from napari_catsam.prediction.predictor import Predictor
from napari_catsam.prediction.readings import choose_masks

if TYPE_CHECKING:
    from napari_catsam.adaptation.shots import Sample
    from napari_catsam.models.catsam import CatSam
    from napari_catsam.models.encoder import Encoded
    from napari_catsam.types import Prompts

__all__ = ["LossStep"]

CORRECTED = 0.25
"""Share of the steps in which each object gets a corrective click."""

CACHED_VIEWS = 16
"""With a frozen encoder so many views are encoded, once each, and shown in turn."""


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
    views : int
        Views a step.
    seed : int
        Of views and prompts.
    """

    def __init__(self, model: CatSam, samples: tuple[Sample, ...], views: int, seed: int) -> None:
        self.model = model
        self.samples = samples
        self.views = views
        self.seed = seed
        self.spec = InputSpec(
            model.backbone.image_size, model.backbone.low_resolution, model.resize
        )
        self._predictor = Predictor(model)
        self._encoder_trains = any(p.requires_grad for p in model.tuner.parameters())
        self._cache: dict[int, _Encoded] = {}

    def loss(self, step: int, objects: int) -> torch.Tensor:
        """Compute the loss of step number ``step`` with at most ``objects`` objects: a scalar.

        Gradients reach every trained parameter.
        """
        batch = self._encode(step, objects)
        detail = self.model.detail(batch.encoded)
        total, count = torch.zeros((), device=self.model.device), 0
        generator = np.random.default_rng([self.seed, 2, step])
        for index, view in enumerate(batch.views):
            features = batch.encoded.features[index : index + 1]
            one_detail = None if detail is None else detail[index : index + 1]
            value = self._view_loss(view, features, one_detail, generator)
            total, count = total + value * len(view.masks), count + len(view.masks)
        return total / count

    def forget_views(self) -> None:
        """Draw and encode anew, for example with fewer objects."""
        self._cache.clear()

    def _encode(self, step: int, objects: int) -> _Encoded:
        """Draw and encode the views of a step; a frozen encoder's results are kept."""
        if self._encoder_trains:
            views = self._draw(step, objects)
            return _Encoded(views, self.model.encode(self._stack(views)))
        number = step % CACHED_VIEWS
        if number not in self._cache:
            views = self._draw(number, objects)
            with torch.no_grad():
                self._cache[number] = _Encoded(views, self.model.encode(self._stack(views)))
        return self._cache[number]

    def _draw(self, number: int, objects: int) -> list[View]:
        generator = np.random.default_rng([self.seed, 1, number])
        each = max(1, objects // self.views)
        return [draw_view(self.samples, each, self.spec, generator) for _ in range(self.views)]

    def _stack(self, views: list[View]) -> torch.Tensor:
        return torch.stack([view.pixels for view in views]).to(self.model.device)

    def _view_loss(
        self,
        view: View,
        features: torch.Tensor,
        detail: torch.Tensor | None,
        generator: np.random.Generator,
    ) -> torch.Tensor:
        prompts = simulate_prompts(view.masks, generator)
        if generator.random() < CORRECTED:
            with torch.no_grad():
                first = self._decode(view, prompts, features, detail)
            counted = ~view.ignore
            guess, truth = (first.cpu() > 0) & counted, (view.targets > 0.5) & counted
            prompts = correct_prompts(prompts, guess.numpy(), truth.numpy(), view.frame, generator)
        logits = self._decode(view, prompts, features, detail)
        device = logits.device
        return bce_dice_loss(logits, view.targets.to(device), view.ignore.to(device))

    def _decode(
        self, view: View, prompts: Prompts, features: torch.Tensor, detail: torch.Tensor | None
    ) -> torch.Tensor:
        tensors = self._predictor.prompts_to_input(prompts, view.frame)
        decoded = self.model.decode(features, detail, tensors)
        return choose_masks(decoded, lone_click=tensors.lone_click)[0]
