"""The training images of a run, and the batches of views that a process draws from them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import lru_cache
from itertools import islice
from typing import TYPE_CHECKING, NamedTuple

from napari_catsam.errors import TrainingError
from napari_catsam.evaluation.protocol.draws import draw_order, start_draws
from napari_catsam.evaluation.protocol.views import TrainingImage, draw_view

if TYPE_CHECKING:
    from napari_catsam.evaluation.datasets.base import Dataset
    from napari_catsam.evaluation.protocol.config import ProtocolConfig
    from napari_catsam.evaluation.protocol.views import Recipe, TrainingView
    from napari_catsam.types import Intensity

__all__ = ["Part", "TrainingImages", "iterate_parts", "list_training_names"]

KEPT = 32
"""So many images are kept in memory; more are read again in each epoch."""

AHEAD, READERS = 8, 4
"""So many views are drawn ahead of the step that needs them, by so many threads."""


def list_training_names(dataset: Dataset, config: ProtocolConfig) -> tuple[str, ...]:
    """Return the names of the images that a run may learn from.

    Raises
    ------
    UnreadableFileError
        If the split is not there, or no images were released for this number of shots.
    TrainingError
        If released images are not there.
    """
    present = dataset.list_names("train")
    if config.shots == "full":
        return present
    names = dataset.list_shots(1 if config.shots == "1" else 16)
    absent = sorted(set(names) - set(present))
    if absent:
        raise TrainingError(
            f"the training images of {dataset.name} in {dataset.root} lack {', '.join(absent)}, "
            f"which {config.shots}-shot training needs; add them or choose --shots full"
        )
    return names


class TrainingImages:
    """Training images by number, read when they are needed.

    Parameters
    ----------
    dataset : Dataset
        Where they are read from.
    names : sequence of str
        Of the training split.
    intensity : Intensity
        How values become 0..255, decided on the whole image and not on a crop.
    given : sequence of TrainingImage, optional
        Images that are in memory already, in place of those of the data set.
    """

    def __init__(
        self,
        dataset: Dataset,
        names: Sequence[str],
        intensity: Intensity,
        given: Sequence[TrainingImage] | None = None,
    ) -> None:
        self.names = tuple(names)
        self._dataset, self._intensity = dataset, intensity
        self._given = None if given is None else tuple(given)
        self.read = lru_cache(maxsize=KEPT)(self._read)

    def __len__(self) -> int:
        """Return the number of images."""
        return len(self.names)

    def _read(self, number: int) -> TrainingImage:
        if self._given is not None:
            return self._given[number]
        name = self.names[number]
        pixels, mask = self._dataset.read_plane(name, "train")
        return TrainingImage(name, self._intensity.apply(pixels), mask)


class Part(NamedTuple):
    """What one process computes of a step.

    Attributes
    ----------
    views : list of TrainingView
        At least one.
    weight : float
        Of each view's loss, such that the mean over the processes is the mean over the batch.
    images : int
        In the whole batch.
    """

    views: list[TrainingView]
    weight: float
    images: int


def iterate_parts(
    images: TrainingImages,
    recipe: Recipe,
    config: ProtocolConfig,
    epoch: int,
    rank: int = 0,
    processes: int = 1,
) -> Iterator[Part]:
    """Draw the views of an epoch, as many ahead as keep the model busy.

    Parameters
    ----------
    images : TrainingImages
        What views are drawn from.
    recipe : Recipe
        How.
    config : ProtocolConfig
        Gives batch and seed; the batch is that of all processes together.
    epoch : int
        From 0.
    rank, processes : int
        Which of how many processes this is.
    """
    order = draw_order(config, epoch, len(images))
    batch = config.schedule.batch
    steps = [range(first, min(first + batch, len(order))) for first in range(0, len(order), batch)]
    parts = [(step[rank::processes], len(step)) for step in steps]
    # A process without an image of its own computes one with weight 0: all take part in each step.
    places = [list(own) or [step[0]] for (own, _), step in zip(parts, steps, strict=True)]

    def draw(position: int) -> TrainingView:
        draws = start_draws(config, epoch, position)
        return draw_view(images.read(order[position]), recipe, draws)

    with ThreadPoolExecutor(READERS) as readers:
        coming = _submit(readers, draw, [place for own in places for place in own])
        for own, (real, count) in zip(places, parts, strict=True):
            views = [next(coming) for _ in own]
            yield Part(views, processes / count if real else 0.0, count)


def _submit(
    readers: ThreadPoolExecutor, draw: Callable[[int], TrainingView], places: list[int]
) -> Iterator[TrainingView]:
    """Yield views in order while the next ones are drawn."""
    waiting: list[Future[TrainingView]] = []
    rest = iter(places)
    try:
        waiting += [readers.submit(draw, place) for place in islice(rest, AHEAD)]
        while waiting:
            view = waiting.pop(0).result()
            waiting += [readers.submit(draw, place) for place in islice(rest, 1)]
            yield view
    finally:
        for future in waiting:
            future.cancel()
