"""Testing a model on a data set: what every run ends with, or all of one that trains nothing."""

from __future__ import annotations

import math
import time
from collections.abc import Generator
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_catsam.errors import TrainingError
from napari_catsam.evaluation.examples import write_examples
from napari_catsam.evaluation.protocol.examples import draw_examples
from napari_catsam.evaluation.protocol.folder import describe_environment, list_versions
from napari_catsam.evaluation.protocol.measure import iterate_measure, summarise
from napari_catsam.evaluation.protocol.prompts import choose_prompt
from napari_catsam.evaluation.runs import Measured, RunResult

if TYPE_CHECKING:
    from napari_catsam.evaluation.datasets.base import Dataset
    from napari_catsam.evaluation.protocol.config import ProtocolConfig
    from napari_catsam.evaluation.protocol.folder import RunFolder
    from napari_catsam.evaluation.protocol.processes import Processes
    from napari_catsam.models.catsam import CatSam
    from napari_catsam.types import Progress

__all__ = [
    "describe_place",
    "describe_result",
    "iterate_test",
    "iterate_test_images",
    "measure_test",
]


def iterate_test(
    model: CatSam,
    dataset: Dataset,
    config: ProtocolConfig,
    folder: RunFolder | None,
    processes: Processes,
    *,
    shots: str = "",
) -> Generator[Progress, bool | None, RunResult]:
    """Test a model as it is: an adapter, a released checkpoint, or SAM itself.

    Parameters
    ----------
    model : CatSam
        With its adapter, if any.
    dataset : Dataset
        With a test split.
    config : ProtocolConfig
        Gives kind of prompts and limit; what is said of training does not count.
    folder : RunFolder or None
        Takes settings, environment and result.
    processes : Processes
        That share the images.
    shots : str
        What the model was trained on, if it is known.

    Raises
    ------
    TrainingError
        If the folder holds another run.
    UnreadableFileError, ShotError
        If files are missing, unreadable or do not fit together.
    """
    settings = {
        "dataset": dataset.name,
        "tested": model.model_id,
        "test_prompt": config.test_prompt,
        "test_limit": config.test_limit,
    }
    if folder is not None:
        if processes.first:
            folder.begin(settings)
        processes.wait()
        done = folder.result
        processes.wait()  # until all have looked, before one of them may write
        if done is not None:
            return done
    return (yield from measure_test(model, dataset, config, folder, processes, shots=shots))


def measure_test(
    model: CatSam,
    dataset: Dataset,
    config: ProtocolConfig,
    folder: RunFolder | None,
    processes: Processes,
    *,
    shots: str = "none",
) -> Generator[Progress, bool | None, RunResult]:
    """Do what :func:`iterate_test` says in a folder that was begun."""
    started = time.monotonic()
    written = folder if processes.first else None
    if written is not None:
        written.write_environment(describe_place(processes))
    measured = yield from iterate_test_images(model, dataset, config, processes)
    result = describe_result(
        model,
        dataset,
        config,
        measured,
        processes,
        shots=shots,
        views="",
        select="",
        seconds=time.monotonic() - started,
    )
    if written is not None:
        write_examples(written.path, draw_examples(model, dataset, config))
        written.finish(result)
    processes.wait()
    return result


def iterate_test_images(
    model: CatSam, dataset: Dataset, config: ProtocolConfig, processes: Processes
) -> Generator[Progress, bool | None, Measured]:
    """Measure a model on the test images, or on as many as the limit says.

    Raises
    ------
    TrainingError
        If there are none.
    """
    names = dataset.list_names("test")
    if config.test_limit is not None and config.test_limit < len(names):
        places = np.linspace(0, len(names) - 1, config.test_limit).astype(int)
        names = tuple(names[place] for place in places)
    if not names:
        raise TrainingError(f"{dataset.name} has no test images in {dataset.root}; add them")
    prompt = choose_prompt(dataset, config)
    rows = yield from iterate_measure(model, dataset, "test", names, processes, prompt)
    return summarise(rows)


def describe_place(processes: Processes) -> dict[str, Any]:
    """Say where a run computes, and with which versions."""
    return {
        "environment": describe_environment(processes.device, processes.count),
        "versions": list_versions(),
    }


def describe_result(
    model: CatSam,
    dataset: Dataset,
    config: ProtocolConfig,
    measured: Measured,
    processes: Processes,
    **more: Any,
) -> RunResult:
    """Put a result together; ``more`` are fields that differ from those of a test alone."""
    known: dict[str, Any] = {
        "dataset": dataset.name,
        "method": model.method,
        "backbone": model.backbone.name,
        "shots": config.shots,
        "seed": config.seed,
        "views": config.views,
        "select": config.select,
        "prompt": choose_prompt(dataset, config),
        "metric": dataset.metric,
        "measured": measured,
        "training_images": 0,
        "trainable": sum(value.numel() for value in model.trained_tensors().values()),
        "epochs": 0,
        "steps": 0,
        "chosen_epoch": 0,
        "loss": math.nan,
        "limited": config.test_limit is not None,
    }
    return RunResult(**(known | describe_place(processes) | more))
