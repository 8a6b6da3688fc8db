"""Label images as OME-Zarr, which is written and read in pieces.

The format is NGFF 0.4 (https://ngff.openmicroscopy.org/0.4): a ``multiscales`` image of one level
that is marked as labels by ``image-label``. 0.4 is what most programs read; 0.5 is read too.

zarr takes a while to load, so that is done where pixels are written or read.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from napari_catsam.errors import UnreadableFileError
from napari_catsam.exchange.records import AXES, LabelImage
from napari_catsam.exchange.replacement import replace_folder
from napari_catsam.exchange.units import LENGTHS, NO_UNIT, TIMES, full_name

__all__ = ["is_label_zarr", "read_label_zarr", "write_label_zarr"]

_VERSION = "0.4"

_CHUNK = 1024
"""Rows and columns of a piece."""

_MARKS = (".zgroup", ".zarray", "zarr.json")
"""One of these lies in every folder of zarr."""

_COMPRESSOR: Mapping[str, Any] = {
    "id": "blosc",
    "cname": "zstd",
    "clevel": 5,
    "shuffle": 1,
    "blocksize": 0,
}
"""Blosc is what readers in Java and JavaScript have, too."""

_TYPES = {"t": "time", "c": "channel"}


def write_label_zarr(path: str | Path, image: LabelImage) -> Path:
    """Write labels as OME-Zarr; an existing one is replaced only by a whole one.

    Labels are uint32, in pieces of one plane; planes are read once and one at a time. Scale,
    translation, units and classes are kept.

    Parameters
    ----------
    path : str or Path
        The folder; usually ends in ``.ome.zarr``.
    image : LabelImage
        Its ``name`` is not kept.

    Returns
    -------
    Path

    Raises
    ------
    LabelsError
        If labels are negative or above 4294967295.
    UnreadableFileError
        If the folder cannot be written, what was there before stays; or if there is something else
        of that name, which is never replaced.
    """
    import zarr

    path = Path(path)
    if path.exists() and not any((path / mark).exists() for mark in _MARKS):
        raise UnreadableFileError(f"{path} exists and is no zarr; choose another name")
    chunks = (1,) * (len(image.shape) - 2) + tuple(min(n, _CHUNK) for n in image.size)
    with replace_folder(path) as temporary:
        group = zarr.create_group(temporary, zarr_format=2, attributes=_describe(image, path.name))
        array = group.create_array(
            "0",
            shape=image.shape,
            dtype="uint32",
            chunks=chunks,
            compressors=_COMPRESSOR,
            fill_value=0,
            chunk_key_encoding={"name": "v2", "separator": "/"},
        )
        for position, plane in image.planes():
            array[position] = plane
    return path


def is_label_zarr(path: str | Path) -> bool:
    """Tell whether a folder is a label image of OME-Zarr, without loading zarr."""
    for name in (".zattrs", "zarr.json"):
        try:
            found = json.loads((Path(path) / name).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            continue
        attributes = found.get("attributes", found) if isinstance(found, dict) else {}
        if {"multiscales", "image-label"} <= set(_ome(attributes)):
            return True
    return False


def read_label_zarr(path: str | Path) -> LabelImage:
    """Read a label image of OME-Zarr, NGFF 0.4 or 0.5; of several levels, the first.

    Parameters
    ----------
    path : str or Path
        The folder of the label image, which is ``labels/NAME`` inside an image's.

    Returns
    -------
    LabelImage
        ``labels`` is a zarr array; pixels are read when it is indexed.

    Raises
    ------
    UnreadableFileError
        If there is no such label image, or its description is incomplete.
    """
    import zarr

    path = Path(path)
    if not is_label_zarr(path):
        raise UnreadableFileError(f"{path} is no label image of OME-Zarr; check the path")
    try:
        group = zarr.open_group(path, mode="r")
        attributes = _ome(dict(group.attrs))
        scales = attributes["multiscales"][0]
        level = scales["datasets"][0]
        labels = group[level["path"]]
        if not isinstance(labels, zarr.Array):
            raise TypeError(f"{level['path']} is no array")
        names = "".join(_letter(axis) for axis in scales["axes"])
        units = [_unit(axis) for axis in scales["axes"]]
        classes = _read_classes(attributes["image-label"])
        scale, translate = _placement(level)
        return LabelImage(labels, names, scale, translate, units, classes)
    except (OSError, LookupError, TypeError, ValueError, AttributeError) as error:
        reason = f"there is no {error}" if isinstance(error, KeyError) else str(error)
        raise UnreadableFileError(f"{path} cannot be read as OME-Zarr: {reason}") from error


def _describe(image: LabelImage, name: str) -> dict[str, Any]:
    """Return the attributes of the group."""
    axes = []
    for letter, unit in zip(image.axes, map(full_name, image.units), strict=True):
        kind = _TYPES.get(letter, "space")
        known = TIMES if kind == "time" else LENGTHS if kind == "space" else {}
        axes.append({"name": letter, "type": kind} | ({"unit": unit} if unit in known else {}))
    transformations = [
        {"type": "scale", "scale": list(image.scale)},
        {"type": "translation", "translation": list(image.translate)},
    ]
    level = {"path": "0", "coordinateTransformations": transformations}
    properties = [
        {"label-value": label, "class": image.classes[label]} for label in sorted(image.classes)
    ]
    return {
        "multiscales": [{"version": _VERSION, "name": name, "axes": axes, "datasets": [level]}],
        "image-label": {"version": _VERSION} | ({"properties": properties} if properties else {}),
    }


def _ome(attributes: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the part that NGFF defines: since 0.5 it lies under a key of its own."""
    inner = attributes.get("ome", attributes)
    return inner if isinstance(inner, Mapping) else {}


def _letter(axis: Mapping[str, str]) -> str:
    name = axis["name"].lower()
    if name not in AXES:
        raise ValueError(f"axis {axis['name']!r} is none of {', '.join(AXES)}")
    return name


def _unit(axis: Mapping[str, str]) -> str:
    return full_name(axis.get("unit", NO_UNIT))


def _placement(level: Mapping[str, Any]) -> tuple[list[float], list[float]]:
    """Return scale and translation of a level; the latter may be left out."""
    steps = {step["type"]: step for step in level["coordinateTransformations"]}
    return steps["scale"]["scale"], steps.get("translation", {}).get("translation", [])


def _read_classes(marks: Mapping[str, Any]) -> dict[int, str]:
    return {
        int(entry["label-value"]): str(entry["class"])
        for entry in marks.get("properties", [])
        if "class" in entry
    }
