"""The loss of one step: views in, a scalar out, all through one module so that it can be shared out."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import nn

from napari_catsam.adaptation.losses import bce_dice_loss
from napari_catsam.geometry import Frame
from napari_catsam.models.catsam import PromptTensors
from napari_catsam.prediction.predictor import Predictor
from napari_catsam.prediction.readings import choose_masks

if TYPE_CHECKING:
    from napari_catsam.evaluation.protocol.images import Part
    from napari_catsam.evaluation.protocol.views import TrainingView
    from napari_catsam.models.catsam import CatSam
    from napari_catsam.models.decoded import Detail

__all__ = ["PartLoss"]


class PartLoss(nn.Module):
    """BCE and Dice at the size of each view, as the paper takes them.

    Parameters
    ----------
    model : CatSam
        With trained parts.
    """

    def __init__(self, model: CatSam) -> None:
        super().__init__()
        self.model = model
        self._predictor = Predictor(model)

    def forward(self, part: Part) -> torch.Tensor:
        """Return the weighted sum of the views' losses, a scalar."""
        views = part.views
        frames = [self._frame(view) for view in views]
        pixels = [
            frame.image_to_input(self._pixels(view))
            for frame, view in zip(frames, views, strict=True)
        ]
        encoded = self.model.encode(torch.cat(pixels))
        detail = self.model.detail(encoded)
        losses = []
        for index, (view, frame) in enumerate(zip(views, frames, strict=True)):
            one = slice(index, index + 1)
            features = encoded.features[one]
            losses.append(self._view_loss(view, frame, features, detail.select(one)))
        return part.weight * torch.stack(losses).sum()

    def _frame(self, view: TrainingView) -> Frame:
        height, width = view.rgb.shape[:2]
        return Frame((height, width), self.model.backbone.image_size, self.model.resize)

    def _pixels(self, view: TrainingView) -> torch.Tensor:
        planes = np.ascontiguousarray(view.rgb.transpose(2, 0, 1))
        return torch.from_numpy(planes)[None].to(self.model.device)

    def _view_loss(
        self,
        view: TrainingView,
        frame: Frame,
        features: torch.Tensor,
        detail: Detail,
    ) -> torch.Tensor:
        device = self.model.device
        prompts = PromptTensors()  # of a view without an object: the model is to find nothing
        if view.prompts is not None:
            prompts = self._predictor.prompts_to_input(view.prompts, frame)
        decoded = self.model.decode(features, detail, prompts)
        logits = choose_masks(decoded, lone_click=prompts.lone_click)[0]
        ignored = None if view.ignored is None else torch.from_numpy(view.ignored.copy()).to(device)
        targets = torch.from_numpy(view.masks).to(device)
        return bce_dice_loss(frame.logits_to_image(logits), targets, ignored)
