"""The class and the score of each object, kept in the features of its Labels layer.

That table is napari's own, so classes are shown under the mouse and by every other plugin, and go
wherever the layer goes. A row belongs to the label in its column ``index``; in a table without that
column, row *i* belongs to label *i*. Other columns stay as they are.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd  # type: ignore[import-untyped]
from napari.layers import Labels

from napari_catsam.exchange.records import DEFAULT_CLASS
from napari_catsam.plugin.exchange import CLASS_COLUMN

__all__ = [
    "INDEX_COLUMN",
    "SCORE_COLUMN",
    "ObjectFeatures",
    "Row",
    "drop_rows",
    "put_rows",
    "read_features",
    "write_features",
]

INDEX_COLUMN, SCORE_COLUMN = "index", "score"

Row = Mapping[str, Any]
"""One row of the table by its columns."""

_NO_LABEL = -1


@dataclass(frozen=True)
class ObjectFeatures:
    """What is known of an object beside its pixels.

    Attributes
    ----------
    name : str
        Its class.
    score : float or None
        The IoU that the model expected of its mask, about 0..1; None for one drawn by hand.
    """

    name: str = DEFAULT_CLASS
    score: float | None = None


def read_features(labels: Labels) -> dict[int, ObjectFeatures]:
    """Read class and score of each object that has a row.

    Parameters
    ----------
    labels : Labels
        Of its table, a row whose label is no number is passed over.

    Returns
    -------
    dict of int to ObjectFeatures
        By label, without the background.
    """
    table = pd.DataFrame(labels.features)
    numbers = _read_labels(table)
    names, scores = (_read_column(table, name) for name in (CLASS_COLUMN, SCORE_COLUMN))
    return {
        number: ObjectFeatures(_read_name(name), _read_score(score))
        for number, name, score in zip(numbers, names, scores, strict=True)
        if number > 0
    }


def write_features(labels: Labels, objects: Mapping[int, ObjectFeatures]) -> None:
    """Write class and score of objects into their rows, new ones where there are none.

    Parameters
    ----------
    labels : Labels
        Its table gets the columns ``index``, ``class`` and ``score`` if it lacks them.
    objects : mapping of int to ObjectFeatures
        By label.
    """
    rows = {}
    for label, item in objects.items():
        score = math.nan if item.score is None else item.score
        rows[label] = {CLASS_COLUMN: item.name, SCORE_COLUMN: score}
    put_rows(labels, rows)


def drop_rows(labels: Labels, objects: Iterable[int]) -> dict[int, Row]:
    """Remove the rows of objects that are deleted.

    Parameters
    ----------
    labels : Labels
        The layer.
    objects : iterable of int
        Their labels.

    Returns
    -------
    dict of int to mapping
        The rows, for :func:`put_rows` to put them back.
    """
    table = pd.DataFrame(labels.features)
    wanted = set(objects)
    found = np.array([number in wanted for number in _read_labels(table)], bool)
    if not found.any():
        return {}
    table = _with_labels(table)
    numbers = _read_labels(table)
    dropped: dict[int, Row] = {numbers[n]: dict(table.iloc[n]) for n in np.flatnonzero(found)}
    labels.features = table[~found]
    return dropped


def put_rows(labels: Labels, rows: Mapping[int, Row]) -> None:
    """Write values into the rows of objects, new ones where there are none.

    Parameters
    ----------
    labels : Labels
        The layer.
    rows : mapping of int to mapping
        Columns and values by label.
    """
    if not rows:
        return
    table = _with_labels(pd.DataFrame(labels.features))
    numbers = _read_labels(table)
    place = {number: n for n, number in enumerate(numbers)}
    numbers += [label for label in rows if label not in place]
    place = {number: n for n, number in enumerate(numbers)}
    table = table.reindex(range(len(numbers)))
    for column in dict.fromkeys(column for row in rows.values() for column in row):
        values = list(table[column]) if column in table else [None] * len(numbers)
        for label, row in rows.items():
            if column in row:
                values[place[label]] = row[column]
        table[column] = values
    table[INDEX_COLUMN] = numbers
    labels.features = table


def _with_labels(table: Any) -> Any:
    """Return a table in which a column says to which label a row belongs."""
    if INDEX_COLUMN in table:
        return table.copy()
    if table.shape[1] == 0:  # napari's documentation wants a first row for the background
        return pd.DataFrame({INDEX_COLUMN: [0], CLASS_COLUMN: [""], SCORE_COLUMN: [math.nan]})
    table = table.copy()
    table.insert(0, INDEX_COLUMN, range(len(table)))
    return table


def _read_labels(table: Any) -> list[int]:
    if INDEX_COLUMN not in table:
        return list(range(len(table)))
    numbers = pd.to_numeric(table[INDEX_COLUMN], errors="coerce").fillna(_NO_LABEL)
    return [int(number) for number in numbers]


def _read_column(table: Any, name: str) -> list[Any]:
    """Return the values of a column, None for those that are missing."""
    if name not in table:
        return [None] * len(table)
    values, missing = table[name].tolist(), table[name].isna().tolist()
    return [None if gone else value for value, gone in zip(values, missing, strict=True)]


def _read_name(value: Any) -> str:
    return DEFAULT_CLASS if value is None or value == "" else str(value)


def _read_score(value: Any) -> float | None:
    try:
        score = float(value)
    except (TypeError, ValueError):
        return None
    return score if math.isfinite(score) else None
