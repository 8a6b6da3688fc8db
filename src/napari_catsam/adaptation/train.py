"""Adapting a model to a few masks, as a generator that can be watched and stopped."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from typing import TYPE_CHECKING

from napari_catsam.adaptation.config import TrainConfig
from napari_catsam.adaptation.trainer import Trainer

if TYPE_CHECKING:
    from napari_catsam.models.adapter import Adapter
    from napari_catsam.models.catsam import CatSam
    from napari_catsam.types import Progress, Shot

__all__ = ["adapt", "fit"]

_DEFAULT = TrainConfig()


def fit(
    model: CatSam, shots: Sequence[Shot], config: TrainConfig = _DEFAULT
) -> Generator[Progress, bool | None, Adapter]:
    """Train a method on a few masks, step by step.

    Some masks are held out by the program, never trained on, and scored before, during and after;
    the values with the best score are returned. Nothing runs before the first ``next``.

    Parameters
    ----------
    model : CatSam
        The base; it is not changed. If it has the configured method already (an adapter was
        loaded), training goes on from its values.
    shots : sequence of Shot
        What to learn from.
    config : TrainConfig
        How, and for how long.

    Yields
    ------
    Progress
        Once the base model is scored, and after every step. Send ``True`` to end now with the best
        so far; close the generator to keep nothing.

    Returns
    -------
    Adapter
        Its header holds the scores before and after, and in ``note`` what they were measured on.

    Raises
    ------
    ShotError
        If the shots hold nothing to train on.
    TrainingError
        If the method trains nothing, or the loss is not finite from the start.
    OutOfMemoryError
        If not even one object a step fits into the device's memory.
    """
    trainer = Trainer(model, shots, config)
    trainer.score_base()
    stop = yield trainer.progress(trainer.split.note)
    while not stop and not trainer.schedule.finished:
        if not trainer.train_step():
            break
        if trainer.schedule.check_due:
            trainer.check()
        stop = yield trainer.progress("training")
    trainer.check()
    return trainer.finish()


def adapt(
    model: CatSam,
    shots: Sequence[Shot],
    config: TrainConfig = _DEFAULT,
    progress: Callable[[Progress], object] | None = None,
) -> Adapter:
    """Train a method on a few masks and wait for it: loops over :func:`fit`.

    Parameters
    ----------
    model, shots, config
        As for :func:`fit`, which also says what is returned and raised.
    progress : callable, optional
        Called with every :class:`~napari_catsam.types.Progress`.
    """
    run = fit(model, shots, config)
    while True:
        try:
            state = next(run)
        except StopIteration as end:
            adapter: Adapter = end.value
            return adapter
        if progress is not None:
            progress(state)
