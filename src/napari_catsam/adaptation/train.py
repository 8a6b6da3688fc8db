"""Adapting a model to a few masks, as a generator that can be watched and stopped."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Sequence
from contextlib import closing
from dataclasses import replace
from typing import TYPE_CHECKING

from napari_catsam.adaptation.config import TrainConfig
from napari_catsam.adaptation.result import record, resume
from napari_catsam.adaptation.state import RunState
from napari_catsam.adaptation.trainer import Trainer
from napari_catsam.heap import keep_freed_memory
from napari_catsam.types import Progress

if TYPE_CHECKING:
    from napari_catsam.adaptation.preview import Preview
    from napari_catsam.models.adapter import Adapter
    from napari_catsam.models.catsam import CatSam
    from napari_catsam.types import Shot

__all__ = ["adapt", "fit"]

_DEFAULT = TrainConfig()


def fit(
    model: CatSam,
    shots: Sequence[Shot],
    config: TrainConfig = _DEFAULT,
    state: RunState | None = None,
    preview: Preview | None = None,
) -> Generator[Progress, bool | None, Adapter]:
    """Train a method on a few masks, step by step.

    Some masks are held out by the program, never trained on, and scored before, during and after.
    The values with the best score are returned, or values nearer to the start that score about as well
    (:meth:`~napari_catsam.adaptation.trainer.Trainer.check_ends`). Nothing runs before the first ``next``,
    and nothing between two of them, when the clock of the budget stands still: to pause, do not ask for
    more.

    Parameters
    ----------
    model : CatSam
        The base; it is not changed. If it has the configured method already (an adapter was
        loaded), training goes on from its values.
    shots : sequence of Shot
        What to learn from.
    config : TrainConfig
        How, and for how long; seconds and steps count from the start of the first run.
    state : RunState, optional
        If it is empty, the run fills it in at every look at the score, twice a minute, and when it
        ends; if not, the run goes on from it.
    preview : Preview, optional
        Asked after every step whether it wants to see what the values so far make of something;
        what it draws comes in a :class:`~napari_catsam.types.Progress` of its own. The clock of the
        budget stands still meanwhile.

    Yields
    ------
    Progress
        Once the base model is scored, and after every step. Send ``True`` to end now with the best
        so far; close the generator to keep nothing.

    Returns
    -------
    Adapter
        Its header holds the scores before and after, for each held-out object too, whether the
        adapter helps, and in ``note`` the same in words. Use it only if it helps.

    Raises
    ------
    ShotError
        If the shots hold nothing to train on.
    TrainingError
        If the method trains nothing, the loss is not finite before the first look at the score, or
        ``state`` is that of another run.
    OutOfMemoryError
        If not even one object a step fits into memory, on the CPU neither.
    """
    with keep_freed_memory():
        return (yield from _run(model, shots, config, state, preview))


def _run(
    model: CatSam,
    shots: Sequence[Shot],
    config: TrainConfig,
    state: RunState | None,
    preview: Preview | None,
) -> Generator[Progress, bool | None, Adapter]:
    """Do what :func:`fit` says."""
    found = RunState() if state is None else replace(state)
    trainer = Trainer(model, shots, config)
    stop = None
    if state:
        resume(trainer, state)
    else:
        stop = yield from _look(trainer, trainer.score_base())
    try:
        stop = (yield from _pause(trainer, trainer.split.describe(trainer.watched.images))) or stop
        while not stop and not trainer.finished:
            if not trainer.train_step():
                break
            look = trainer.schedule.check_due
            if look:
                stop = yield from _look(trainer, trainer.check())
            if state is not None and (look or trainer.schedule.record_due):
                record(trainer, state)
            stop = (yield from _pause(trainer, _name_stage(trainer))) or stop
            if preview is not None and preview.due and not stop:
                stop = yield from _show(trainer, preview)
        if state is not None:
            record(trainer, state)
        stop = (yield from _look(trainer, trainer.check())) or stop
        if not stop:
            with closing(
                trainer.check_ends()
            ) as ends:  # a stop ends it, and the run keeps what it has
                yield from _look_until_stopped(trainer, ends)
    except GeneratorExit:
        if state is not None:
            state.facts, state.tensors = found.facts, found.tensors
        raise
    return trainer.finish()


def _look(
    trainer: Trainer, images: Iterable[None]
) -> Generator[Progress, bool | None, bool | None]:
    """Score, with a pause after each image but the last; say whether a wish to stop came meanwhile."""
    stop = None
    for _ in images:
        stop = (yield from _pause(trainer, "scoring")) or stop
    return stop


def _look_until_stopped(
    trainer: Trainer, images: Iterable[None]
) -> Generator[Progress, bool | None]:
    """Score, with a pause as in :func:`_look`; end with the first wish to stop."""
    for _ in images:
        if (yield from _pause(trainer, "scoring")):
            return


def _pause(trainer: Trainer, stage: str) -> Generator[Progress, bool | None, bool | None]:
    """Yield once, with the clock of the budget standing still."""
    progress = _make_progress(trainer, stage)
    trainer.schedule.rest()
    stop = yield progress
    trainer.schedule.go_on()
    return stop


def _show(trainer: Trainer, preview: Preview) -> Generator[Progress, bool | None, bool | None]:
    """Yield what a preview makes of the values so far, with the clock of the budget standing still."""
    progress = _make_progress(trainer, _name_stage(trainer))
    trainer.schedule.rest()
    with trainer.mean.applied(trainer.trainee, trainer.share):
        drawn = preview.draw(trainer.trainee)
    stop = yield replace(progress, preview=drawn)
    trainer.schedule.go_on()
    return stop


def _make_progress(trainer: Trainer, stage: str) -> Progress:
    """Say how far the run is; notices that nobody has seen come instead of ``stage``."""
    if trainer.notices:
        stage = "; ".join(trainer.notices)
        trainer.notices.clear()
    return Progress(
        step=trainer.schedule.step,
        total=trainer.schedule.total,
        seconds=trainer.schedule.seconds,
        loss=trainer.loss,
        iou_before=trainer.score_before,
        iou_now=trainer.score_now,
        stage=stage,
    )


def _name_stage(trainer: Trainer) -> str:
    return "training the decoder" if trainer.stepper.decoder_only else "training"


def adapt(
    model: CatSam,
    shots: Sequence[Shot],
    config: TrainConfig = _DEFAULT,
    progress: Callable[[Progress], object] | None = None,
    state: RunState | None = None,
) -> Adapter:
    """Train a method on a few masks and wait for it: loops over :func:`fit`.

    Parameters
    ----------
    model, shots, config, state
        As for :func:`fit`, which also says what is returned and raised.
    progress : callable, optional
        Called with every :class:`~napari_catsam.types.Progress`.
    """
    run = fit(model, shots, config, state)
    while True:
        try:
            now = next(run)
        except StopIteration as end:
            adapter: Adapter = end.value
            return adapter
        if progress is not None:
            progress(now)
