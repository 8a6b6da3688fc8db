"""Reading objects from COCO JSON, ours and that of other programs."""

from __future__ import annotations

import json
import math
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from napari_catsam.errors import LabelsError, UnreadableFileError
from napari_catsam.exchange.polygons import fill_polygons
from napari_catsam.exchange.records import LARGEST_LABEL, LabelImage
from napari_catsam.exchange.run_length import expand_counts, find_pixels

__all__ = ["is_coco", "read_coco"]

Entry = Mapping[str, Any]

_KEYS = ("images", "annotations", "categories")

_LOOK = 1 << 16
"""Bytes at either end of a file that are looked at to tell what it is."""


def is_coco(path: str | Path) -> bool:
    """Tell whether a file looks like COCO JSON, from its first and its last bytes only."""
    path = Path(path)
    try:
        with path.open("rb") as file:
            text = file.read(_LOOK)
            file.seek(max(len(text), path.stat().st_size - _LOOK))
            text += file.read()
    except OSError:
        return False
    is_object = text.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"{")
    return is_object and sum(f'"{key}"'.encode() in text for key in _KEYS) >= 2


def read_coco(path: str | Path) -> Iterator[LabelImage]:
    """Read the objects of COCO JSON as labels, one image after the other.

    What :func:`~napari_catsam.exchange.coco.write_coco` wrote comes back with its labels, classes,
    axes, scale, translation and units; the planes of a stack are one image again. In files of other
    programs, every image is one, and objects are numbered in the order of the whole file.

    Where objects overlap, the pixel belongs to the one that comes first. Objects without an outline
    (boxes, key points) are left out.

    Parameters
    ----------
    path : str or Path
        A JSON file with run lengths, as text or as numbers, or polygons.

    Yields
    ------
    LabelImage
        Labels (..., H, W), uint32, and ``name``, the ``file_name``.

    Raises
    ------
    UnreadableFileError
        If the file cannot be read, is no COCO JSON, or an outline does not fit its image.
    """
    path = Path(path)
    document = _load(path)
    try:
        labels = _number(document["annotations"])
        names = {entry["id"]: str(entry["name"]) for entry in document["categories"]}
        annotations = defaultdict(list)
        for entry, label in zip(document["annotations"], labels, strict=True):
            annotations[entry["image_id"]].append((label, entry))
        for images in _group(document["images"]):
            yield _build(images, annotations, names)
    except (KeyError, TypeError, ValueError, OverflowError, MemoryError) as error:
        raise UnreadableFileError(f"{path} cannot be read as COCO JSON: {_say(error)}") from error


def _load(path: Path) -> dict[str, Any]:
    try:
        document = json.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise UnreadableFileError(f"cannot read {path}: {error.strerror or error}") from error
    except (ValueError, RecursionError) as error:
        raise UnreadableFileError(f"{path} is no JSON, or is cut off: {error}") from error
    if not isinstance(document, dict) or not all(_is_table(document.get(key)) for key in _KEYS):
        raise UnreadableFileError(
            f"{path} is JSON, but not of COCO: it needs the lists images, annotations and categories"
        )
    return document


def _is_table(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(entry, dict) for entry in value)


def _say(error: Exception) -> str:
    return f"there is no {error}" if isinstance(error, KeyError) else str(error)


def _number(annotations: list[Entry]) -> list[int]:
    """Return each annotation's label: the one that was written, or else its place in the file."""
    labels = [entry.get("label") for entry in annotations]
    if all(isinstance(label, int) and 0 < label <= LARGEST_LABEL for label in labels):
        return [int(label) for label in labels if label is not None]
    return list(range(1, len(annotations) + 1))


def _group(images: list[Entry]) -> list[list[Entry]]:
    """Put the planes of a stack together."""
    groups: dict[Any, list[Entry]] = {}
    for number, entry in enumerate(images):
        key = entry["file_name"] if isinstance(entry.get("plane"), int) else number
        groups.setdefault(key, []).append(entry)
    return list(groups.values())


def _build(
    images: list[Entry], annotations: Mapping[Any, list[tuple[int, Entry]]], names: dict[Any, str]
) -> LabelImage:
    first = images[0]
    size = int(first["height"]), int(first["width"])
    shape = _shape(images, size)
    labels = np.zeros(shape, np.uint32)
    planes = labels.reshape(-1, *size)
    classes: dict[int, str] = {}
    for image in images:
        number = image.get("plane", 0)
        if not 0 <= number < len(planes) or (image["height"], image["width"]) != size:
            raise LabelsError(f"plane {number} of {first['file_name']} does not fit the others")
        objects = annotations.get(image["id"], [])
        planes[number] = _paint(objects, size)
        classes |= {label: names[entry["category_id"]] for label, entry in objects}
    grid = {key: value for key, value in first.get("grid", {}).items() if key != "shape"}
    return LabelImage(labels, classes=classes, name=str(first["file_name"]), **grid)


def _shape(images: list[Entry], size: tuple[int, int]) -> tuple[int, ...]:
    """Return the shape of an image or a stack."""
    if min(size) < 1:
        raise LabelsError(f"an image has {size[0]} x {size[1]} pixels; expected 1 or more")
    if "plane" not in images[0]:
        return size
    planes = max(image["plane"] for image in images) + 1
    shape = tuple(int(n) for n in images[0].get("grid", {}).get("shape", (planes, *size)))
    if shape[-2:] != size or math.prod(shape[:-2]) < planes:
        raise LabelsError(f"the shape {shape} does not fit {planes} planes of {size}")
    return shape


def _paint(objects: list[tuple[int, Entry]], size: tuple[int, int]) -> npt.NDArray[np.uint32]:
    """Return the labels of one plane."""
    pixels = np.zeros(size[0] * size[1], np.uint32)
    for label, entry in reversed(objects):
        try:
            pixels[_find_pixels(entry.get("segmentation"), size)] = label
        except (LabelsError, KeyError, TypeError, ValueError) as error:
            raise LabelsError(f"annotation {entry.get('id')}: {_say(error)}") from error
    return pixels.reshape(size[::-1]).T


def _find_pixels(outline: Any, size: tuple[int, int]) -> npt.NDArray[np.int64]:
    """Return an object's positions in the plane taken column by column."""
    if not outline:
        return np.zeros(0, np.int64)
    if isinstance(outline, list):
        corners = [np.reshape(np.asarray(flat, float), (-1, 2)) for flat in outline]
        if not all(np.isfinite(xy).all() for xy in corners):
            raise LabelsError("its polygon has a corner that is not finite")
        rows, columns = fill_polygons([xy[:, ::-1] - 0.5 for xy in corners], size)
        return columns * size[0] + rows
    if tuple(outline["size"]) != size:
        raise LabelsError(f"its mask is of {outline['size']} pixels, the image of {list(size)}")
    counts = outline["counts"]
    return find_pixels(expand_counts(counts) if isinstance(counts, str) else counts, size)
