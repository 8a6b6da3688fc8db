"""The running mean of what is trained, and a way back from it towards the start."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import torch

from napari_catsam.adaptation.start import copy_values

if TYPE_CHECKING:
    from napari_catsam.adaptation.config import TrainConfig
    from napari_catsam.models.catsam import CatSam

__all__ = ["NEARER", "RunningMean", "choose_share"]

NEARER = 2 / 3
"""At the end values at this part of ``interpolation`` are scored too: half way, with its default."""


def choose_share(model: CatSam, config: TrainConfig) -> float:
    """Say how far on the way from the start a run's values are scored: half way to random ones is no model.

    Parameters
    ----------
    model : CatSam
        What training begins with.
    config : TrainConfig
        Gives ``init`` and ``interpolation``.
    """
    random = config.init == "official" and model.method != config.method
    return 1.0 if random else config.interpolation


class RunningMean:
    """An exponential mean over the steps of a model's trained values, in float32.

    The first steps count fully: the decay rises to ``decay`` as ``(1 + t) / (10 + t)``. A point on the line
    from the values at the start to the mean is the interpolation of weights of WiSE-FT (arXiv 2109.01903),
    which on other images loses less than it costs on those that were learnt from.

    Parameters
    ----------
    model : CatSam
        Whose values are averaged; the mean starts with those that it has now.
    decay : float
        Share of the old mean that is kept in a step; with 0 the mean is the last value.

    Attributes
    ----------
    values : dict of str to Tensor
        The mean.
    """

    def __init__(self, model: CatSam, decay: float) -> None:
        self._decay = decay
        self._steps = 0
        self.values = {k: v.float().clone() for k, v in model.trained_tensors().items()}
        self._start = {k: v.clone() for k, v in self.values.items()}

    @property
    def steps(self) -> int:
        """How many steps went into the mean."""
        return self._steps

    def restore(self, values: dict[str, torch.Tensor], steps: int) -> None:
        """Take over the mean of a run that stopped."""
        self.values = {k: values[k].to(v.device).clone() for k, v in self.values.items()}
        self._steps = steps

    def move(self, device: torch.device) -> None:
        """Move the mean, and the start, to another device."""
        self.values = {k: v.to(device) for k, v in self.values.items()}
        self._start = {k: v.to(device) for k, v in self._start.items()}

    def add(self, model: CatSam) -> None:
        """Add the values after a step."""
        decay = min(self._decay, (1 + self._steps) / (10 + self._steps))
        self._steps += 1
        for name, value in model.trained_tensors().items():
            self.values[name].lerp_(value.float(), 1 - decay)

    @contextmanager
    def applied(self, model: CatSam, share: float) -> Iterator[dict[str, torch.Tensor]]:
        """Put other values in place of the model's, which it yields, for the time of a block.

        Parameters
        ----------
        model : CatSam
            That whose values are averaged, or a copy of it.
        share : float
            Of the way from the start to the mean, 0 to 1, at which those values lie.
        """
        own = {name: value.clone() for name, value in model.trained_tensors().items()}
        # From the mean's side, so that a share of 1 gives the mean to the last bit.
        used = {k: torch.lerp(v, self._start[k], 1 - share) for k, v in self.values.items()}
        copy_values(used, model)
        try:
            yield own
        finally:
            copy_values(own, model)
