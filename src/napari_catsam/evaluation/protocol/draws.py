"""What is drawn by chance for one training image, from generators that its place alone decides.

No draw depends on another image, so that a run can go on anywhere, and on any number of processes.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch

if TYPE_CHECKING:
    from napari_catsam.evaluation.protocol.config import ProtocolConfig

__all__ = ["Draws", "draw_order", "start_draws"]

LOADERS = {"1": 1, "16": 4, "full": 4}
"""Worker processes of the released data loader, each of which starts from the same seed."""


@dataclass(frozen=True, eq=False)
class Draws:
    """Three generators, in the kinds and the order in which the released recipe draws from them.

    Attributes
    ----------
    views : random.Random
        Of flips, crop and kind of prompt.
    objects : numpy.random.RandomState
        Of the objects and points.
    noise : torch.Generator
        Of mask prompts.
    """

    views: random.Random
    objects: np.random.RandomState
    noise: torch.Generator


def start_draws(config: ProtocolConfig, epoch: int, position: int) -> Draws:
    """Start the generators of one training image.

    Parameters
    ----------
    config : ProtocolConfig
        With ``views="fixed"`` the epoch does not count: in the released code each worker starts
        every epoch from the same seed, so that a batch's first images have equal draws, and so on.
    epoch : int
        From 0.
    position : int
        Of the image in the order of the epoch, from 0.
    """
    if config.views == "fresh":
        return _seed_draws(_mix(config.seed, 1, epoch, position))
    batch, place = divmod(position, config.schedule.batch)
    number = batch // LOADERS[config.shots] * config.schedule.batch + place
    return _seed_draws(config.seed if number == 0 else _mix(config.seed, 2, number))


def draw_order(config: ProtocolConfig, epoch: int, images: int) -> list[int]:
    """Draw in which order the images are shown in an epoch."""
    return [int(i) for i in np.random.default_rng([config.seed, 3, epoch]).permutation(images)]


def _seed_draws(seed: int) -> Draws:
    return Draws(
        random.Random(seed),
        # The old generator, since the released view of a seed is drawn from it.
        np.random.RandomState(seed % 2**32),
        torch.Generator().manual_seed(seed),
    )


def _mix(*numbers: int) -> int:
    return int(np.random.SeedSequence(list(numbers)).generate_state(1)[0])
