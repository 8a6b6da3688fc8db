"""Writing objects as COCO JSON, which detection and segmentation toolboxes train on.

The format is that of https://cocodataset.org/#format-data, "object detection". It knows no stacks
and no pixel size, so an image has two keys more, ``plane`` and ``grid``, and an annotation has one,
``label``; other programs pass over them.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from napari_catsam.errors import LabelsError
from napari_catsam.exchange.polygons import trace_polygons
from napari_catsam.exchange.records import DEFAULT_CLASS, LARGEST_LABEL, LabelImage
from napari_catsam.exchange.run_length import Region, compress_counts, encode_plane
from napari_catsam.images import replace_file

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

__all__ = ["Outlines", "write_coco"]

Outlines = Literal["rle", "polygons"]


def write_coco(
    path: str | Path, images: LabelImage | Sequence[LabelImage], outlines: Outlines = "rle"
) -> Path:
    """Write the objects of images as COCO JSON; an existing file is replaced only by a whole one.

    Each plane of a stack is an image with the same ``file_name`` and its number, ``plane``, counted
    along the last axis first. An object that goes through several planes is one annotation in each.

    The id of an image is its number, from 1. That of an annotation is its label, plus 2**32 for each
    image before, so it stays when other objects come or go. Categories are numbered by the smallest
    label that has them.

    Parameters
    ----------
    path : str or Path
        The JSON file.
    images : LabelImage or sequence of LabelImage
        ``name`` becomes ``file_name``.
    outlines : {"rle", "polygons"}
        ``rle`` writes run lengths in their text form, which are exact. ``polygons`` writes polygons
        for objects without a hole and run lengths for those with one.

    Returns
    -------
    Path

    Raises
    ------
    LabelsError
        If labels are negative or above 4294967295, or an image has no name.
    UnreadableFileError
        If the file cannot be written; what was there before stays.
    """
    if outlines not in ("rle", "polygons"):
        raise LabelsError(f"outlines are {outlines!r}; choose 'rle' or 'polygons'")
    given = [images] if isinstance(images, LabelImage) else list(images)
    text = json.dumps(_build(given, outlines), ensure_ascii=False, separators=(",", ":"))
    return replace_file(path, text.encode())


def _build(images: list[LabelImage], outlines: Outlines) -> dict[str, Any]:
    categories = _number_classes(images)
    entries: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    for image in images:
        if not image.name:
            raise LabelsError("the labels have no name; give the file name of their image")
        for number, (_, plane) in enumerate(image.planes()):
            before = len(entries)
            entries.append({"id": before + 1} | _describe(image, number))
            for region in encode_plane(plane):
                category = categories.setdefault(image.class_of(region.label), len(categories) + 1)
                annotations.append(
                    {
                        "id": region.label + before * (LARGEST_LABEL + 1),
                        "image_id": before + 1,
                        "category_id": category,
                        "label": region.label,
                        **_outline(region, plane, outlines),
                    }
                )
    return {
        "info": {"description": "Objects annotated with napari-catsam"},
        "licenses": [],
        "images": entries,
        "annotations": annotations,
        "categories": _list_categories(categories),
    }


def _number_classes(images: Iterable[LabelImage]) -> dict[str, int]:
    numbers: dict[str, int] = {}
    for image in images:
        for label in sorted(image.classes):
            numbers.setdefault(image.classes[label], len(numbers) + 1)
    return numbers


def _list_categories(numbers: dict[str, int]) -> list[dict[str, Any]]:
    return [
        {"id": number, "name": name, "supercategory": ""}
        for name, number in (numbers or {DEFAULT_CLASS: 1}).items()
    ]


def _describe(image: LabelImage, number: int) -> dict[str, Any]:
    """Return the entry of a plane, but for its id."""
    height, width = image.size
    entry: dict[str, Any] = {"file_name": image.name, "width": width, "height": height}
    if len(image.shape) > 2:
        entry["plane"] = number
    entry["grid"] = {
        "axes": image.axes,
        "shape": image.shape,
        "scale": image.scale,
        "translate": image.translate,
        "units": image.units,
    }
    return entry


def _outline(region: Region, plane: npt.NDArray[Any], outlines: Outlines) -> dict[str, Any]:
    (row, column), (height, width) = region.corner, region.size
    polygons: list[list[float]] = []
    if outlines == "polygons":
        mask = plane[row : row + height, column : column + width] == region.label
        polygons = list(_flatten(trace_polygons(mask), region.corner))
    run_lengths = {"size": plane.shape, "counts": compress_counts(region.counts)}
    return {
        "segmentation": polygons or run_lengths,
        "area": region.area,
        "bbox": [column, row, width, height],
        "iscrowd": 0,
    }


def _flatten(
    polygons: Iterable[npt.NDArray[np.float64]], corner: tuple[int, int]
) -> Iterator[list[float]]:
    """Return polygons as x, y, x, y, ... with (0, 0) the outer corner of the first pixel."""
    for vertices in polygons:
        yield (vertices + corner + 0.5)[:, ::-1].ravel().tolist()
