"""Runs that differ in their seed alone, brought together, and tables of such groups."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields
from statistics import fmean, stdev
from typing import TYPE_CHECKING

from napari_catsam.evaluation.protocol.config import SCHEDULES, ProtocolConfig

if TYPE_CHECKING:
    from napari_catsam.evaluation.table.reading import Run

__all__ = ["UNTRAINED", "Column", "Group", "Recipe", "Score", "group_runs"]

NOT_OF_A_RECIPE = ("method", "shots", "seed", "test_prompt", "test_limit")
"""Settings that a table shows elsewhere, or whose values it brings together."""

UNTRAINED = "none"
"""Shots of a run that tested a model as it came."""


@dataclass(frozen=True, order=True)
class Recipe:
    """What all runs of a table share.

    Attributes
    ----------
    backbone, shots : str
        Names; shots are ``none`` if nothing was trained.
    weights : str
        First digits of the hash of the backbone's weights; empty if they are not known.
    words : str
        How the training differs from the defaults of the protocol; empty if it does not.
    """

    backbone: str
    shots: str
    weights: str = ""
    words: str = ""


@dataclass(frozen=True, order=True)
class Column:
    """What a group was tested on.

    Attributes
    ----------
    dataset, prompt : str
    limited : bool
        Whether only a part of the test images was measured.
    images : int
    """

    dataset: str
    prompt: str
    limited: bool
    images: int

    def __str__(self) -> str:
        words = [self.dataset]
        if self.prompt != "box":
            words.append(f"{self.prompt} prompts")
        if self.limited:
            words.append(f"{self.images} images only")
        return ", ".join(words)


@dataclass(frozen=True)
class Score:
    """Values of several seeds, 0..1.

    Attributes
    ----------
    values : tuple of float
    """

    values: tuple[float, ...]

    @property
    def mean(self) -> float:
        """Over the seeds for which it is known; NaN if it is for none."""
        known = [value for value in self.values if not math.isnan(value)]
        return fmean(known) if known else math.nan

    @property
    def deviation(self) -> float:
        """Sample standard deviation, NaN for fewer than two seeds."""
        known = [value for value in self.values if not math.isnan(value)]
        return stdev(known) if len(known) > 1 else math.nan

    def __str__(self) -> str:
        if math.isnan(self.mean):
            return ""
        if math.isnan(self.deviation):
            return f"{100 * self.mean:.1f}"
        return f"{100 * self.mean:.1f} ± {100 * self.deviation:.1f}"


@dataclass(frozen=True)
class Group:
    """Runs that differ in their seed alone.

    Attributes
    ----------
    recipe : Recipe
    column : Column
    method : str
    runs : tuple of Run
        Sorted by seed.
    """

    recipe: Recipe
    column: Column
    method: str
    runs: tuple[Run, ...]

    @property
    def score(self) -> Score:
        """What the paper reports on this data set."""
        return Score(tuple(run.result.score for run in self.runs))

    def measure(self, name: str) -> Score:
        """Return another measure, a field of :class:`~napari_catsam.evaluation.runs.Measured`."""
        return Score(tuple(getattr(run.result.measured, name) for run in self.runs))


def group_runs(runs: Iterable[Run]) -> tuple[tuple[Group, ...], tuple[str, ...]]:
    """Bring runs together that differ in their seed alone.

    Returns
    -------
    groups : tuple of Group
        Sorted.
    problems : tuple of str
        One line for each run that repeats another and is left out.
    """
    found: dict[tuple[Recipe, Column, str], dict[tuple[int, str], Run]] = defaultdict(dict)
    problems = []
    for run in runs:
        same = found[describe_recipe(run), describe_column(run), run.result.method]
        first = same.setdefault(_identify(run), run)
        if first is not run:
            problems.append(f"{run.folder} repeats {first.folder} and is left out")
    groups = [
        Group(*key, tuple(same[name] for name in sorted(same)))
        for key, same in sorted(found.items())
    ]
    return tuple(groups), tuple(problems)


def _identify(run: Run) -> tuple[int, str]:
    """Return what tells a run from others of its group: its seed, or the values that were tested."""
    if _is_untrained(run):
        return 0, ""  # nothing in it depends on a seed
    return run.result.seed, str(run.settings.get("tested", ""))


def _is_untrained(run: Run) -> bool:
    return run.result.shots == UNTRAINED or run.result.method == "sam"


def describe_column(run: Run) -> Column:
    """Say what a run was tested on."""
    result = run.result
    images = result.measured.images if result.limited else 0
    return Column(result.dataset, result.prompt, result.limited, images)


def describe_recipe(run: Run) -> Recipe:
    """Say what a run shares with the others of its table."""
    result = run.result
    weights = _read_weights(run)
    if _is_untrained(run):
        words = [word for word in _list_changes(run) if word.startswith("resize ")]
        return Recipe(result.backbone, UNTRAINED, weights, ", ".join(words))
    if not result.views:
        return Recipe(result.backbone, result.shots or "unknown", weights, "trained elsewhere")
    return Recipe(result.backbone, result.shots, weights, ", ".join(_list_changes(run)))


def _read_weights(run: Run) -> str:
    model = str(run.settings.get("model") or run.settings.get("tested") or "")
    return model.partition("/")[0].removeprefix(run.result.backbone).strip("-")


def _list_changes(run: Run) -> list[str]:
    """Name the settings that are not the protocol's own."""
    shots = run.result.shots if run.result.shots in SCHEDULES else "1"
    default = asdict(ProtocolConfig(shots=shots).settled())
    told = dict(run.settings) | {"views": run.result.views, "select": run.result.select}
    if told["select"] == "last":
        told["check_every"] = default["check_every"]  # how often nobody looked changes nothing
    changes = []
    for name in (field.name for field in fields(ProtocolConfig)):
        value = told.get(name, default[name])
        if name not in NOT_OF_A_RECIPE and value != default[name]:
            shown = " or ".join(value) if isinstance(value, list) else value
            changes.append(f"{name.replace('_', ' ')} {shown}")
    return changes
