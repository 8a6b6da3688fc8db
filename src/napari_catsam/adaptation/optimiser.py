"""What changes the trained values after each step."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from napari_catsam.adaptation.config import TrainConfig

__all__ = ["build_optimiser"]

BETAS = (0.9, 0.95)
"""Of AdamW. With its usual 0.999 the large gradients of the first steps would hold back all hundred steps
of a run."""


def build_optimiser(
    parameters: Iterable[torch.nn.Parameter], config: TrainConfig
) -> torch.optim.AdamW:
    """Build AdamW (arXiv 1711.05101) with the rate and the decay of a run.

    Parameters
    ----------
    parameters : iterable of Parameter
        What is trained.
    config : TrainConfig
        Gives ``learning_rate`` and ``weight_decay``.
    """
    return torch.optim.AdamW(
        parameters, lr=config.learning_rate, betas=BETAS, weight_decay=config.weight_decay
    )
