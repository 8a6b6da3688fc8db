"""Objects of a georeferenced image as GeoJSON, which QGIS and other programs with maps read.

The format is that of RFC 7946, with one member that it has dropped, ``crs``, for coordinates that are
not longitude and latitude: it is how the GeoJSON before it named their system, and what GDAL still
writes and reads.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from napari_catsam.errors import LabelsError
from napari_catsam.exchange.rings import trace_rings
from napari_catsam.exchange.run_length import Region, encode_plane
from napari_catsam.images import replace_file

if TYPE_CHECKING:
    from napari_catsam.exchange.georeference import Georeference
    from napari_catsam.exchange.records import LabelImage

__all__ = ["LONGITUDE_LATITUDE", "write_geojson"]

LONGITUDE_LATITUDE = 4326
"""EPSG code of what the coordinates are in a file that does not say."""

_DIGITS = 6
"""Decimals of a pixel that coordinates are rounded to: none of them shows, and files get smaller."""


def write_geojson(
    path: str | Path,
    image: LabelImage,
    georeference: Georeference | None,
    scores: Mapping[int, float] | None = None,
) -> Path:
    """Write the objects of an image as GeoJSON; an existing file is replaced only by a whole one.

    Each object is a feature, by rising label: a polygon, or several where it has parts, with its
    holes. Outlines run along the edges of pixels, to a millionth of one, so that what holds the
    centres of pixels is the object again. Its properties are ``id``, the label, ``class``,
    ``score`` where it is known, and ``area``, in square units of the ground.

    Parameters
    ----------
    path : str or Path
        The file.
    image : LabelImage
        Labels of one plane. Its scale and translation are not used.
    georeference : Georeference or None
        Of the image that the labels belong to, as
        :func:`~napari_catsam.exchange.georeference.read_georeference` gives it. Without an EPSG code,
        the file does not name the coordinate reference system.
    scores : mapping of int to float, optional
        The score of objects by their label.

    Returns
    -------
    Path

    Raises
    ------
    LabelsError
        If there is no georeference, there are several planes, or labels are negative or above
        4294967295.
    UnreadableFileError
        If the file cannot be written; what was there before stays.
    """
    if georeference is None:
        raise LabelsError(
            "GeoJSON needs to know where on the ground the image lies; open it from a GeoTIFF, or with "
            "a world file (.tfw, .pgw, .jgw) beside it"
        )
    if image.plane_count > 1:
        raise LabelsError(
            f"the labels have shape {image.shape} and GeoJSON has no stacks; give a single plane, or "
            "write another format"
        )
    (_, plane), *_ = image.planes()
    document: dict[str, Any] = {"type": "FeatureCollection"}
    if image.name:
        document["name"] = image.name
    if georeference.epsg not in (None, LONGITUDE_LATITUDE):
        name = f"urn:ogc:def:crs:EPSG::{georeference.epsg}"
        document["crs"] = {"type": "name", "properties": {"name": name}}
    document["features"] = [
        {
            "type": "Feature",
            "properties": _describe(region, image, georeference, scores or {}),
            "geometry": _outline(region, plane, georeference),
        }
        for region in encode_plane(plane)
    ]
    text = json.dumps(document, ensure_ascii=False, separators=(",", ":"))
    return replace_file(path, text.encode())


def _describe(
    region: Region, image: LabelImage, georeference: Georeference, scores: Mapping[int, float]
) -> dict[str, Any]:
    described: dict[str, Any] = {"id": region.label, "class": image.class_of(region.label)}
    score = scores.get(region.label, math.nan)
    if math.isfinite(score):
        described["score"] = float(score)
    described["area"] = float(f"{region.area * georeference.pixel_area:.12g}")
    return described


def _outline(
    region: Region, plane: npt.NDArray[np.uint32], georeference: Georeference
) -> dict[str, Any]:
    (row, column), (height, width) = region.corner, region.size
    mask = plane[row : row + height, column : column + width] == region.label
    parts = [
        [_close(ring + region.corner, georeference) for ring in rings]
        for rings in trace_rings(mask)
    ]
    if len(parts) == 1:
        return {"type": "Polygon", "coordinates": parts[0]}
    return {"type": "MultiPolygon", "coordinates": parts}


def _close(ring: npt.NDArray[np.int64], georeference: Georeference) -> list[list[float]]:
    """Return the positions of a ring, the first again at the end; an outer one counterclockwise."""
    turned = ring[::-1] if georeference.is_mirrored else ring
    decimals = _DIGITS - math.floor(math.log10(georeference.pixel_side))
    ground = georeference.to_ground(turned).round(decimals)
    # A rounded -0.0 is a 0 to everyone but the reader of the file.
    return (np.concatenate((ground, ground[:1])) + 0.0).tolist()  # type: ignore[no-any-return]
