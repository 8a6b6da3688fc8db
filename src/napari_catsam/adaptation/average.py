"""The running mean of what is trained, and a way back from it towards the start."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import torch

from napari_catsam.adaptation.start import copy_values

if TYPE_CHECKING:
    from napari_catsam.models.catsam import CatSam

__all__ = ["RunningMean"]


class RunningMean:
    """An exponential mean over the steps of a model's trained values, in float32.

    The first steps count fully: the decay rises to ``decay`` as ``(1 + t) / (10 + t)``. What is used lies
    on the line from the values at the start to the mean: the interpolation of weights of WiSE-FT
    (arXiv 2109.01903), which on other images loses less than it costs on those that were learnt from.

    Parameters
    ----------
    model : CatSam
        Whose values are averaged; the mean starts with those that it has now.
    decay : float
        Share of the old mean that is kept in a step; with 0 the mean is the last value.
    share : float
        Of the way from the start to the mean, 0 to 1; with 1 it is the mean that is used.

    Attributes
    ----------
    values : dict of str to Tensor
        The mean.
    """

    def __init__(self, model: CatSam, decay: float, share: float) -> None:
        self._decay, self._share = decay, share
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
    def applied(self, model: CatSam) -> Iterator[dict[str, torch.Tensor]]:
        """Put the values that are used in place of the model's, which it yields, for the time of a block."""
        own = {name: value.clone() for name, value in model.trained_tensors().items()}
        # From the mean's side, so that a share of 1 gives the mean to the last bit.
        used = {k: torch.lerp(v, self._start[k], 1 - self._share) for k, v in self.values.items()}
        copy_values(used, model)
        try:
            yield own
        finally:
            copy_values(own, model)
