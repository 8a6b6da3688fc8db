"""What of the training images is kept back, so that values can be chosen without the test images."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from napari_catsam.adaptation.held_out import LEAST_SHOTS, SHARE
from napari_catsam.adaptation.scoring import score_objects, weigh_scored
from napari_catsam.adaptation.shots import split_shots
from napari_catsam.errors import TrainingError
from napari_catsam.evaluation.protocol.images import TrainingImages
from napari_catsam.evaluation.protocol.views import TrainingImage
from napari_catsam.types import Shot

if TYPE_CHECKING:
    from napari_catsam.evaluation.datasets.base import Dataset
    from napari_catsam.evaluation.protocol.config import ProtocolConfig
    from napari_catsam.models.catsam import CatSam
    from napari_catsam.types import Intensity

__all__ = ["HeldBack", "hold_back"]


@dataclass(frozen=True, eq=False)
class HeldBack:
    """What is trained on, and what is only scored.

    Attributes
    ----------
    images : TrainingImages
        To train on.
    names : tuple of str
        Training images that are only scored.
    score : callable or None
        Scores a model on objects, or parts of them, where there were too few images to keep whole ones.
    """

    images: TrainingImages
    names: tuple[str, ...] = ()
    score: Callable[[CatSam], float] | None = None


def hold_back(
    dataset: Dataset, names: Sequence[str], config: ProtocolConfig, intensity: Intensity
) -> HeldBack:
    """Keep back a fifth: whole images from three on, else objects, else an end of each object.

    Raises
    ------
    TrainingError
        If nothing can be held out.
    """
    if len(names) < LEAST_SHOTS:
        return _hold_back_objects(dataset, names, config, intensity)
    order = np.random.default_rng([config.seed, 4]).permutation(len(names))
    kept = set(order[: max(1, round(SHARE * len(names)))].tolist())
    train = [name for index, name in enumerate(names) if index not in kept]
    held = tuple(name for index, name in enumerate(names) if index in kept)
    return HeldBack(TrainingImages(dataset, train, intensity), held)


def _hold_back_objects(
    dataset: Dataset, names: Sequence[str], config: ProtocolConfig, intensity: Intensity
) -> HeldBack:
    samples = [dataset.read(name, "train") for name in names]
    shots = [Shot(sample.image, sample.masks, name=sample.name) for sample in samples]
    split = split_shots(shots, intensity, SHARE, config.seed, "everything")
    if split.held == "none":
        raise TrainingError(
            f"nothing can be held out of {', '.join(names)}, whose objects are few and small; "
            "choose --select last"
        )
    # An image whose objects are all held out is not trained on.
    given = [
        TrainingImage(f"{index}", sample.rgb, sample.labels, sample.ignore)
        for index, sample in enumerate(split.train)
    ]
    images = TrainingImages(dataset, [image.name for image in given], intensity, given)

    weights = weigh_scored(split.scored)

    def score(model: CatSam) -> float:
        return float(score_objects(model, split.scored, intensity) @ weights)

    return HeldBack(images, (), score)
