"""Finished runs of the paper's protocol, as they lie in their folders: results and curves, read back."""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from napari_catsam.errors import UnreadableFileError

__all__ = [
    "ADAPTER_FILE",
    "CONFIG_FILE",
    "CURVES_FILE",
    "ENVIRONMENT_FILE",
    "RESULT_FILE",
    "STATE_FILE",
    "CurveRow",
    "Measured",
    "RunResult",
    "find_runs",
    "read_curves",
    "read_result",
]

CONFIG_FILE = "config.json"
ENVIRONMENT_FILE = "environment.json"
CURVES_FILE = "curves.csv"
STATE_FILE = "state.safetensors"
ADAPTER_FILE = "adapter.safetensors"
RESULT_FILE = "result.json"

FORMAT = 1
"""The newest layout of a result that is read."""


@dataclass(frozen=True)
class Measured:
    """What was measured on the test images; all values 0..1, NaN where unknown.

    Attributes
    ----------
    iou_dataset : float
        Foreground IoU of one confusion matrix over all pixels of all images, the paper's measure; with
        several classes the mean over them.
    iou_image : float
        Mean over the images of their foreground IoU.
    iou_object : float
        Mean over all objects that were prompted.
    iou_boundary : float
        Mean over the images of the IoU of their boundaries.
    balanced_error_rate : float
        Mean of the shares of foreground and background pixels that are wrong; lower is better.
    images, objects : int
        How many.
    """

    iou_dataset: float
    iou_image: float
    iou_object: float
    iou_boundary: float
    balanced_error_rate: float
    images: int
    objects: int


@dataclass(frozen=True)
class RunResult:
    """The result of one run. Two are equal if all but time and place is.

    Attributes
    ----------
    dataset, method, backbone : str
        Names.
    shots : str
        ``1``, ``16`` or ``full``; ``none`` if nothing was trained, empty if it is not known.
    seed : int
        Of the training.
    views, select : str
        The two switches, as in :class:`~napari_catsam.evaluation.protocol.config.ProtocolConfig`; empty
        if nothing was trained here.
    prompt : str
        Kind of prompts in the test.
    metric : str
        The field of ``measured`` that the paper reports on this data set.
    measured : Measured
        On the test images.
    training_images : int
        How many there were.
    trainable : int
        Number of trained values.
    epochs, steps : int
        That were trained.
    chosen_epoch : int
        After which epoch the values that were tested were taken.
    loss : float
        Mean of the last epoch; NaN if nothing was trained.
    limited : bool
        Whether only a part of the test images was measured.
    seconds : float
        In all, training and test.
    environment : dict
        Device, operating system, processes.
    versions : dict of str to str
        Of Python and the libraries that compute.
    format : int
        Version of this layout.
    """

    dataset: str
    method: str
    backbone: str
    shots: str
    seed: int
    views: str
    select: str
    prompt: str
    metric: str
    measured: Measured
    training_images: int
    trainable: int
    epochs: int
    steps: int
    chosen_epoch: int
    loss: float
    limited: bool = False
    seconds: float = field(default=0.0, compare=False)
    environment: dict[str, Any] = field(default_factory=dict, compare=False)
    versions: dict[str, str] = field(default_factory=dict, compare=False)
    format: int = FORMAT

    @property
    def score(self) -> float:
        """What the paper reports on this data set."""
        value: float = getattr(self.measured, self.metric)
        return value

    def to_json(self) -> str:
        """Return the result as JSON; NaN becomes null."""
        return json.dumps(_hide_nan(asdict(self)), indent=2, allow_nan=False) + "\n"

    @classmethod
    def from_json(cls, text: str, source: str | Path = "the result") -> RunResult:
        """Read what :meth:`to_json` gave; fields of later versions are left out.

        Raises
        ------
        UnreadableFileError
            If it is something else, or of a newer format.
        """
        try:
            values: dict[str, Any] = json.loads(text)
            if values["format"] > FORMAT:
                raise UnreadableFileError(
                    f"{source} has format {values['format']}, this version of napari-catsam reads "
                    f"up to {FORMAT}; update napari-catsam"
                )
            measured = Measured(**_show_nan(_known(Measured, values["measured"])))
            return cls(**(_show_nan(_known(cls, values)) | {"measured": measured}))
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise UnreadableFileError(
                f"{source} is no result of a run of napari-catsam: {error}"
            ) from error


@dataclass(frozen=True)
class CurveRow:
    """One epoch of a training.

    Attributes
    ----------
    epoch, steps : int
        That were done by then, from 1.
    loss : float
        Mean over the images of the epoch.
    learning_rate : float
    score : float
        By which values are selected; NaN where nobody looked.
    seconds : float
        Since the start.
    """

    epoch: int
    steps: int
    loss: float
    learning_rate: float
    score: float
    seconds: float


def read_result(path: str | Path) -> RunResult:
    """Read the result of a run.

    Parameters
    ----------
    path : str or Path
        The folder of the run, or its result file.

    Raises
    ------
    UnreadableFileError
        If there is none, or it is something else.
    """
    path = Path(path)
    file = path / RESULT_FILE if path.is_dir() else path
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UnreadableFileError(
            f"{file} cannot be read; give the folder of a run that has ended"
        ) from error
    return RunResult.from_json(text, file)


def read_curves(path: str | Path) -> tuple[CurveRow, ...]:
    """Read the curves of a run from its folder; empty if nothing was trained.

    Raises
    ------
    UnreadableFileError
        If the file is something else.
    """
    file = Path(path) / CURVES_FILE
    if not file.is_file():
        return ()
    try:
        with file.open(newline="", encoding="utf-8") as lines:
            return tuple(_read_row(row) for row in csv.DictReader(lines))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UnreadableFileError(f"{file} holds no curves of a run: {error}") from error


def find_runs(folder: str | Path) -> Iterator[Path]:
    """Find the folders of runs that have ended, at any depth, sorted."""
    for file in sorted(Path(folder).rglob(RESULT_FILE)):
        yield file.parent


def _read_row(row: dict[str, str]) -> CurveRow:
    return CurveRow(
        epoch=int(row["epoch"]),
        steps=int(row["steps"]),
        loss=float(row["loss"]),
        learning_rate=float(row["learning_rate"]),
        score=float(row["score"] or "nan"),
        seconds=float(row["seconds"]),
    )


def _known(cls: type, values: dict[str, Any]) -> dict[str, Any]:
    names = {f.name for f in fields(cls)}
    return {name: value for name, value in values.items() if name in names}


def _hide_nan(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _hide_nan(inner) for name, inner in value.items()}
    return None if isinstance(value, float) and math.isnan(value) else value


def _show_nan(values: dict[str, Any]) -> dict[str, Any]:
    return {name: math.nan if value is None else value for name, value in values.items()}
