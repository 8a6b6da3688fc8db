"""One run: train on a data set, choose values, test them, and leave all of it in a folder."""

from __future__ import annotations

import math
import time
from collections.abc import Generator
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from napari_catsam.evaluation.datasets.base import find_objects
from napari_catsam.evaluation.examples import write_examples
from napari_catsam.evaluation.protocol.examples import draw_examples
from napari_catsam.evaluation.protocol.measure import iterate_measure, summarise
from napari_catsam.evaluation.protocol.prompts import choose_prompt
from napari_catsam.evaluation.protocol.testing import (
    describe_place,
    describe_result,
    iterate_test_images,
    measure_test,
)
from napari_catsam.evaluation.protocol.training import Training
from napari_catsam.heap import keep_freed_memory
from napari_catsam.models.adapter import ShotNote, cut_adapter
from napari_catsam.types import Progress

if TYPE_CHECKING:
    from napari_catsam.adaptation.state import RunState
    from napari_catsam.evaluation.datasets.base import Dataset
    from napari_catsam.evaluation.protocol.config import ProtocolConfig
    from napari_catsam.evaluation.protocol.folder import RunFolder
    from napari_catsam.evaluation.protocol.processes import Processes
    from napari_catsam.evaluation.runs import RunResult
    from napari_catsam.models.adapter import Adapter
    from napari_catsam.models.catsam import CatSam

__all__ = ["iterate_run"]

MOST_NOTES = 16
"""An adapter names so many training images at most."""


def iterate_run(
    base: CatSam,
    dataset: Dataset,
    config: ProtocolConfig,
    folder: RunFolder,
    processes: Processes,
) -> Generator[Progress, bool | None, RunResult | None]:
    """Train, choose and test; go on where a run in this folder was killed.

    Parameters
    ----------
    base : CatSam
        The frozen model, without an adapter.
    dataset : Dataset
        With both splits.
    config : ProtocolConfig
        How.
    folder : RunFolder
        Takes settings, environment, curves, state, adapter and result.
    processes : Processes
        That share the work; every one of them calls this.

    Yields
    ------
    Progress
        After every step, and while images are scored and tested. Send ``True`` to stop; the same call
        goes on from the last state that was saved.

    Returns
    -------
    RunResult or None
        None if it was stopped. That of a run that has ended already is read, and nothing is done.

    Raises
    ------
    TrainingError
        If the folder holds another run, images are missing, or the loss is not finite.
    UnreadableFileError, ShotError
        If files are missing, unreadable or do not fit together.
    """
    config = config.settled()
    settings = _describe_settings(base, dataset, config)
    if processes.first:
        folder.begin(settings)
    processes.wait()
    done = folder.result
    processes.wait()  # until all have looked, before one of them may write
    if done is not None:
        return done
    plain = base.with_method(config.method, seed=config.seed)
    if not plain.trained_tensors():
        plain.resize = config.resize
        return (yield from measure_test(plain, dataset, config, folder, processes))
    training = Training(base, dataset, config, processes)
    with keep_freed_memory():
        return (yield from _train_and_test(training, settings, folder, processes))


def _train_and_test(
    training: Training, settings: dict[str, Any], folder: RunFolder, processes: Processes
) -> Generator[Progress, bool | None, RunResult | None]:
    """Go on from the state in the folder, if there is one; None if it was stopped."""
    state = folder.load_state()
    if state:
        training.resume(state, settings)
    started = time.monotonic() - training.seconds
    if processes.first:
        folder.write_environment(describe_place(processes))
    while not training.finished:
        for loss in training.iterate_epoch():
            seconds = time.monotonic() - started
            if (yield _describe_step(training, loss, seconds)):
                return None
        score = math.nan
        if training.check_due:
            score = yield from _iterate_score(training, processes)
        training.note(score, time.monotonic() - started)
        if training.check_due and processes.first:
            _save(training, state, settings, folder)
    return (yield from _finish(training, folder, processes, started))


def _save(training: Training, state: RunState, settings: dict[str, Any], folder: RunFolder) -> None:
    training.record(state, settings)
    folder.save_state(state)
    folder.write_curves(training.rows)


def _finish(
    training: Training, folder: RunFolder, processes: Processes, started: float
) -> Generator[Progress, bool | None, RunResult]:
    """Write the adapter of the chosen values, and test them."""
    chosen = training.choose()
    if processes.first:
        seconds = training.rows[-1].seconds
        folder.write_adapter(_cut(training, chosen, seconds))
    config, dataset = training.config, training.dataset
    measured = yield from iterate_test_images(training.model, dataset, config, processes)
    result = describe_result(
        training.model,
        dataset,
        config,
        measured,
        processes,
        training_images=len(training.held.images),
        epochs=training.epoch,
        steps=training.steps,
        chosen_epoch=chosen,
        # Beyond these digits the loss depends on the order in which gradients were added up.
        loss=round(training.rows[-1].loss, 4),
        seconds=time.monotonic() - started,
    )
    if processes.first:
        write_examples(folder.path, draw_examples(training.model, dataset, config))
        folder.finish(result)
    processes.wait()
    return result


def _iterate_score(
    training: Training, processes: Processes
) -> Generator[Progress, bool | None, float]:
    """Score the values of now, if that is how values are chosen."""
    config, held, dataset = training.config, training.held, training.dataset
    if config.select == "test":
        measured = yield from iterate_test_images(training.model, dataset, config, processes)
        return measured.iou_dataset
    if held.names:
        rows = yield from iterate_measure(
            training.model, dataset, "train", held.names, processes, choose_prompt(dataset, config)
        )
        return summarise(rows).iou_dataset
    return math.nan if held.score is None else held.score(training.model)


def _describe_settings(base: CatSam, dataset: Dataset, config: ProtocolConfig) -> dict[str, Any]:
    values = asdict(config)
    prompts = None if config.prompts is None else list(config.prompts)
    return values | {"prompts": prompts, "dataset": dataset.name, "model": base.model_id}


def _describe_step(training: Training, loss: float, seconds: float) -> Progress:
    epochs = training.config.schedule.epochs
    stage = f"epoch {min(training.epoch + 1, epochs)} of {epochs}"
    score = training.best_score if training.best_epoch else math.nan
    return Progress(training.steps, training.total_steps, seconds, loss, iou_now=score, stage=stage)


def _cut(training: Training, chosen: int, seconds: float) -> Adapter:
    config, images = training.config, training.held.images
    notes = []
    for number in range(min(len(images), MOST_NOTES)):
        image = images.read(number)
        height, width = image.mask.shape
        objects = int(_count_objects(training, number))
        notes.append(ShotNote(image.name, height, width, objects))
    score = training.best_score if training.best_epoch else None
    return cut_adapter(
        training.model,
        shots=tuple(notes),
        steps=training.steps,
        seconds=seconds,
        score_after=score,
        seed=config.seed,
        note=(
            f"{training.dataset.name}, {config.shots} shots of the paper's protocol, "
            f"{config.views} views, values of epoch {chosen} ({config.select})"
        ),
    )


def _count_objects(training: Training, number: int) -> int:
    labels = find_objects(training.held.images.read(number).mask, training.dataset.rule)
    return int(labels.max(initial=0))
