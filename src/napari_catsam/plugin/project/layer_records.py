"""Between layers and what is kept of them; all of it runs in the main thread, and reads no disk."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import Any
from uuid import uuid4

import numpy as np
import numpy.typing as npt
import pandas as pd  # type: ignore[import-untyped]
from napari.layers import Image, Labels, Layer, Points, Shapes

from napari_catsam.plugin.layers.new_layers import BOX_COLOUR, POINT_COLOUR
from napari_catsam.plugin.layers.planes import level_zero
from napari_catsam.plugin.project.record import ImageRecord, LabelsRecord, Placement, PromptsRecord

__all__ = [
    "Index",
    "all_planes",
    "edited_planes",
    "make_labels",
    "make_prompts",
    "new_folder",
    "read_image_record",
    "read_labels_record",
    "read_prompts_record",
    "sample_reader",
]

Index = tuple[int, ...]
"""Position of a plane along all axes of the data but the last two."""

SAMPLES = 16
"""Pixels along each axis of a plane that are looked at to tell images from each other."""


def new_folder(name: str) -> str:
    """Return a folder name for a new Labels layer, unlike that of any other."""
    stem = "".join(c if c.isalnum() or c in "-_" else "_" for c in name)[:40]
    return f"{stem}-{uuid4().hex[:8]}"


def all_planes(shape: tuple[int, ...]) -> Iterator[Index]:
    """Iterate over the planes of data."""
    return itertools.product(*(range(length) for length in shape[:-2]))


def edited_planes(edit: Any, labels: Labels) -> Iterable[Index]:
    """Return the planes that an edit changed.

    Parameters
    ----------
    edit : list
        The value of napari's event ``paint``: an atom is an object with a ``slice_key`` of one slice
        an axis, or a tuple that begins with index arrays.
    labels : Labels
        What was edited; all of its planes are returned for an edit of another make.
    """
    found: dict[Index, None] = {}
    try:
        for atom in edit:
            key = atom.slice_key if hasattr(atom, "slice_key") else atom[0]
            found |= dict.fromkeys(_planes_of(key, labels.data.shape))
    except (TypeError, ValueError, AttributeError, LookupError):
        return all_planes(labels.data.shape)
    return found


def _planes_of(key: tuple[Any, ...], shape: tuple[int, ...]) -> Iterable[Index]:
    if len(key) != len(shape):
        raise ValueError(f"{len(key)} indices for {len(shape)} axes")
    leading = key[: len(shape) - 2]
    if all(isinstance(part, slice) for part in leading):
        ranges = (range(*part.indices(n)) for part, n in zip(leading, shape, strict=False))
        return itertools.product(*ranges)
    arrays = [np.asarray(part).ravel() for part in leading]
    if all((array == array[0]).all() for array in arrays):
        return [tuple(int(array[0]) for array in arrays)]
    return [tuple(map(int, row)) for row in np.unique(np.stack(arrays, axis=1), axis=0)]


def read_image_record(image: Image) -> ImageRecord:
    """Describe an image layer."""
    data, path = level_zero(image), image.source.path
    return ImageRecord(image.name, str(path or ""), tuple(map(int, data.shape)), str(data.dtype))


def sample_reader(image: Image) -> Callable[[], npt.NDArray[Any]]:
    """Return a function that reads a few pixels of the middle plane; slow where data are lazy."""
    return partial(_read_sample, level_zero(image), image.ndim)


def _read_sample(data: Any, ndim: int) -> npt.NDArray[Any]:
    plane: Any = tuple(length // 2 for length in data.shape[: ndim - 2])
    steps = (max(1, length // SAMPLES) for length in data.shape[ndim - 2 : ndim])
    return np.array(data[plane + tuple(slice(None, None, step) for step in steps)])


def read_labels_record(labels: Labels, folder: str) -> LabelsRecord:
    """Describe a Labels layer, without its planes."""
    shape = tuple(map(int, labels.data.shape))
    dtype, placement = str(labels.data.dtype), read_placement(labels)
    features = {
        str(column): _plain_or_none(values)
        for column, values in pd.DataFrame(labels.features).to_dict("list").items()
    }
    return LabelsRecord(folder, labels.name, shape, dtype, placement, features=features)


def read_prompts_record(layer: Shapes | Points) -> PromptsRecord:
    """Describe a Shapes or Points layer, with all that is drawn in it."""
    shapes = isinstance(layer, Shapes)
    return PromptsRecord(
        kind="shapes" if shapes else "points",
        name=layer.name,
        ndim=layer.ndim,
        placement=read_placement(layer),
        data=[np.asarray(item, float).tolist() for item in layer.data],
        types=[str(kind) for kind in layer.shape_type] if shapes else [],
        features={str(k): _plain(v) for k, v in layer.features.to_dict("list").items()},
    )


def read_placement(layer: Layer) -> Placement:
    """Describe where a layer lies in the world, with lists of numbers and names."""
    arrays = ("scale", "translate", "rotate", "shear")
    placed = {name: np.asarray(getattr(layer, name), float).tolist() for name in arrays}
    affine = np.asarray(layer.affine.affine_matrix, float).tolist()
    names = {"units": [str(u) for u in layer.units], "axis_labels": list(layer.axis_labels)}
    return placed | {"affine": affine} | names


def make_labels(record: LabelsRecord, array: npt.NDArray[Any]) -> Labels:
    """Make a Labels layer that is in no viewer yet."""
    columns = {name: _as_column(values) for name, values in record.features.items()}
    return Labels(array, name=record.name, features=columns or None, **_arguments(record.placement))


def make_prompts(record: PromptsRecord) -> Shapes | Points:
    """Make a Shapes or Points layer that is in no viewer yet."""
    common = {
        "name": record.name,
        "ndim": record.ndim,
        "features": dict(record.features) or None,
        **_arguments(record.placement),
    }
    data = [np.asarray(item, float) for item in record.data]
    if record.kind == "points":
        return Points(np.array(data) if data else None, face_color=POINT_COLOUR, size=8, **common)
    look = {"edge_color": BOX_COLOUR, "edge_width": 2, "face_color": "transparent"}
    return Shapes(data or None, shape_type=record.types or "rectangle", **look, **common)


def _arguments(placement: Placement) -> dict[str, Any]:
    return {
        name: np.asarray(value, float) if name in ("rotate", "affine") else value
        for name, value in placement.items()
    }


def _plain(values: Iterable[Any]) -> list[Any]:
    return [v if isinstance(v, (str, int, float, bool)) else str(v) for v in values]


def _plain_or_none(values: list[Any]) -> list[Any]:
    """Return values as JSON has them, None for NaN, which JSON lacks and which is unlike itself."""
    plain = zip(values, _plain(values), strict=True)
    return [None if np.all(pd.isna(value)) else written for value, written in plain]


def _as_column(values: list[Any]) -> npt.NDArray[Any]:
    """Return a column of numbers where nothing but numbers is in it."""
    if all(value is None or type(value) in (int, float) for value in values):
        if None in values:
            return np.array(values, float)
        return np.array(values)
    return np.array(values, object)
