"""Reading the folders of runs for a table; what cannot be read is named in a line."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from napari_catsam.errors import UnreadableFileError
from napari_catsam.evaluation.runs import (
    CONFIG_FILE,
    CurveRow,
    RunResult,
    find_runs,
    read_curves,
    read_result,
)

__all__ = ["Run", "Runs", "read_runs"]


@dataclass(frozen=True)
class Run:
    """One run as it lies in its folder.

    Attributes
    ----------
    folder : Path
    result : RunResult
    settings : dict
        What was asked for.
    curves : tuple of CurveRow
        Empty if nothing was trained, or they cannot be read.
    """

    folder: Path
    result: RunResult
    settings: Mapping[str, Any]
    curves: tuple[CurveRow, ...] = ()


@dataclass(frozen=True)
class Runs:
    """What lay in a folder.

    Attributes
    ----------
    runs : tuple of Run
        Those that have ended, sorted by folder.
    problems : tuple of str
        One line for each of the others, and what else was left out.
    """

    runs: tuple[Run, ...]
    problems: tuple[str, ...]


def read_runs(folder: str | Path) -> Runs:
    """Read all runs at any depth of a folder; what cannot be read is named, not raised.

    Raises
    ------
    UnreadableFileError
        If there is no such folder, or no run in it that has ended.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise UnreadableFileError(f"there is no folder {folder}; give the one that holds the runs")
    runs, problems = list[Run](), list[str]()
    ended = list(find_runs(folder))
    for path in ended:
        try:
            runs.append(_read_run(path, problems))
        except UnreadableFileError as error:
            problems.append(str(error))
    begun = {file.parent for file in folder.rglob(CONFIG_FILE)} - set(ended)
    problems += [
        f"{path} has not ended: the same command goes on with it" for path in sorted(begun)
    ]
    if not runs:
        more = f" ({problems[0]})" if problems else ""
        raise UnreadableFileError(f"no run in {folder} has ended{more}; train or test one first")
    return Runs(tuple(runs), tuple(problems))


def _read_run(path: Path, problems: list[str]) -> Run:
    result = read_result(path)
    try:
        float(result.score)
    except (AttributeError, TypeError, ValueError) as error:
        raise UnreadableFileError(f"the result in {path} holds no score: {error}") from error
    try:
        curves = read_curves(path)
    except UnreadableFileError as error:
        problems.append(f"{error}; its result is used without them")
        curves = ()
    return Run(path, result, _read_settings(path, problems), curves)


def _read_settings(path: Path, problems: list[str]) -> dict[str, Any]:
    file = path / CONFIG_FILE
    try:
        settings = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        settings = None
    if isinstance(settings, dict):
        return settings
    problems.append(f"{file} cannot be read; the run is taken as one with the usual settings")
    return {}
