"""Reading objects from GeoJSON, ours and that of other programs, onto the pixels of an image."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from napari_catsam.errors import LabelsError, UnreadableFileError
from napari_catsam.exchange.geojson import LONGITUDE_LATITUDE
from napari_catsam.exchange.records import LARGEST_LABEL, LabelImage
from napari_catsam.exchange.rings import fill_rings

if TYPE_CHECKING:
    from napari_catsam.exchange.georeference import Georeference

__all__ = ["read_geojson"]

Feature = Mapping[str, Any]

_CODE = re.compile(r"EPSG:(?:[\d.]*:)?(\d+)$", re.IGNORECASE)
"""In ``EPSG:25832`` as well as in ``urn:ogc:def:crs:EPSG::25832``."""


def read_geojson(path: str | Path, size: tuple[int, int], georeference: Georeference) -> LabelImage:
    """Read the objects of GeoJSON as labels of an image.

    What :func:`~napari_catsam.exchange.geojson.write_geojson` wrote comes back with its labels and
    classes. Features of other programs, whose property ``id`` is no label, are numbered in the order
    of the file. A pixel belongs to the polygon that its centre lies in, and where objects overlap, to
    the one that comes first. Points, lines and what lies outside the image are left out.

    Parameters
    ----------
    path : str or Path
        A feature collection.
    size : (int, int)
        (H, W) of the image in pixels.
    georeference : Georeference
        Where it lies. If it has an EPSG code, the file must have the same.

    Returns
    -------
    LabelImage
        Labels (H, W), uint32.

    Raises
    ------
    UnreadableFileError
        If the file cannot be read, is no GeoJSON, or has another coordinate reference system.
    """
    path = Path(path)
    if min(size) < 1:
        raise LabelsError(f"the image has {size[0]} x {size[1]} pixels; give its size, 1 or more")
    document = _load(path)
    try:
        _check_system(document, georeference)
        features = document["features"]
        labels = np.zeros(size, np.uint32)
        classes: dict[int, str] = {}
        found = list(zip(_number(features), features, strict=True))
        for label, feature in reversed(found):
            for rows, columns in _find_pixels(feature.get("geometry"), size, georeference):
                labels[rows, columns] = label
            name = (feature.get("properties") or {}).get("class")
            classes |= {label: str(name)} if name is not None else {}
        return LabelImage(labels, classes=classes, name=str(document.get("name", "")))
    except (LookupError, TypeError, ValueError, AttributeError, OverflowError) as error:
        reason = f"there is no {error}" if isinstance(error, KeyError) else error
        raise UnreadableFileError(f"{path} cannot be read as GeoJSON: {reason}") from error


def _load(path: Path) -> dict[str, Any]:
    try:
        document: Any = json.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise UnreadableFileError(f"cannot read {path}: {error.strerror or error}") from error
    except (ValueError, RecursionError) as error:
        raise UnreadableFileError(f"{path} is no JSON, or is cut off: {error}") from error
    features = document.get("features") if isinstance(document, dict) else None
    if not isinstance(features, list) or not all(isinstance(entry, dict) for entry in features):
        raise UnreadableFileError(f"{path} is JSON, but no feature collection of GeoJSON")
    return dict(document)


def _check_system(document: Mapping[str, Any], georeference: Georeference) -> None:
    system = document.get("crs")
    name = "EPSG:4326" if system is None else str(system["properties"]["name"])
    code = _CODE.search(name)
    number = int(code[1]) if code else LONGITUDE_LATITUDE if name.endswith("CRS84") else None
    if georeference.epsg not in (None, number):
        raise LabelsError(
            f"its coordinates are in {name}, those of the image in EPSG:{georeference.epsg}; convert "
            "the file in a program with maps"
        )


def _number(features: list[Feature]) -> list[int]:
    """Return each feature's label: the one that was written, or else its place in the file."""
    labels = [(feature.get("properties") or {}).get("id") for feature in features]
    if all(isinstance(label, int) and 0 < label <= LARGEST_LABEL for label in labels):
        return [int(label) for label in labels if label is not None]
    return list(range(1, len(features) + 1))


def _find_pixels(
    geometry: Mapping[str, Any] | None, size: tuple[int, int], georeference: Georeference
) -> Iterator[tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]]:
    """Yield the pixels of each polygon of a geometry."""
    kind = None if geometry is None else geometry["type"]
    if geometry is None or kind not in ("Polygon", "MultiPolygon"):
        return
    parts = [geometry["coordinates"]] if kind == "Polygon" else geometry["coordinates"]
    for rings in parts:
        corners = [
            georeference.to_pixels([position[:2] for position in ring]) for ring in rings if ring
        ]
        if not all(np.isfinite(ring).all() for ring in corners):
            raise LabelsError("a polygon has a corner that is not finite")
        if corners:
            yield fill_rings(corners, size)
