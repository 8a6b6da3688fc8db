"""Objects as GeoJSON: where they lie, which way rings go, and what is said of each."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from napari_catsam.errors import LabelsError, UnreadableFileError
from napari_catsam.exchange import Georeference, LabelImage, write_geojson
from tests.exchange.conftest import LARGEST, blocks

NORTH_UP = Georeference([[0, 0.2, 500000], [-0.2, 0, 5500000]], 25832)
TURNED = Georeference([[0.1, 0.2, 500000], [-0.2, 0.1, 5500000]], 25832)
MIRRORED = Georeference([[0, 0.2, 500000], [0.2, 0, 5500000]], 25832)


def write(path: Path, labels: Any, place: Georeference = NORTH_UP, **given: Any) -> dict[str, Any]:
    return json.loads(write_geojson(path, LabelImage(labels), place, **given).read_text("utf-8"))


def signed_area(ring: list[list[float]]) -> float:
    """Return the area of a closed ring, positive counterclockwise."""
    x, y = (np.array(ring) - ring[0]).T
    return float(x[:-1] @ y[1:] - x[1:] @ y[:-1]) / 2


def polygons(feature: dict[str, Any]) -> list[list[list[list[float]]]]:
    geometry = feature["geometry"]
    is_one = geometry["type"] == "Polygon"
    assert is_one or geometry["type"] == "MultiPolygon"
    return [geometry["coordinates"]] if is_one else geometry["coordinates"]


def test_a_rectangle_lies_where_its_pixels_do(tmp_path: Path) -> None:
    labels = np.zeros((8, 9), int)
    labels[1:3, 2:6] = 7
    (feature,) = write(tmp_path / "x.geojson", labels)["features"]
    assert feature["type"] == "Feature"
    assert feature["properties"] == {"id": 7, "class": "object", "area": 0.32}
    assert feature["geometry"]["type"] == "Polygon"
    (ring,) = feature["geometry"]["coordinates"]
    assert ring[0] == ring[-1]
    assert sorted(ring[1:]) == [
        [500000.4, 5499999.4], [500000.4, 5499999.8], [500001.2, 5499999.4], [500001.2, 5499999.8]
    ]  # fmt: skip


@pytest.mark.parametrize("place", [NORTH_UP, TURNED, MIRRORED])
def test_outer_rings_go_counterclockwise_and_holes_clockwise(
    tmp_path: Path, place: Georeference
) -> None:
    labels = np.where(blocks((40, 60)) > 0, 1, 2)  # the first with holes, the second of many parts
    document = write(tmp_path / "x.geojson", labels, place)
    assert [feature["properties"]["id"] for feature in document["features"]] == [1, 2]
    holes = 0
    for feature in document["features"]:
        for outer, *inner in polygons(feature):
            assert signed_area(outer) > 0
            assert all(signed_area(ring) < 0 for ring in inner)
            assert all(ring[0] == ring[-1] and len(ring) >= 5 for ring in (outer, *inner))
            holes += len(inner)
        area = sum(signed_area(ring) for rings in polygons(feature) for ring in rings)
        assert area == pytest.approx(feature["properties"]["area"])
        pixels = np.count_nonzero(labels == feature["properties"]["id"])
        assert area == pytest.approx(pixels * place.pixel_area)
    assert holes > 0


def test_class_score_and_image_are_said_where_they_are_known(tmp_path: Path) -> None:
    image = LabelImage(
        np.array([[1, 2, LARGEST]]), classes={1: "Bäume", LARGEST: "roof"}, name="field.tif"
    )
    path = write_geojson(
        tmp_path / "x.geojson", image, NORTH_UP, scores={LARGEST: np.float32(0.5), 2: np.nan}
    )
    document = json.loads(path.read_text("utf-8"))
    assert document["name"] == "field.tif"
    assert [feature["properties"] for feature in document["features"]] == [
        {"id": 1, "class": "Bäume", "area": 0.04},
        {"id": 2, "class": "object", "area": 0.04},
        {"id": LARGEST, "class": "roof", "score": 0.5, "area": 0.04},
    ]


@pytest.mark.parametrize(
    ("epsg", "expected"),
    [
        (25832, {"type": "name", "properties": {"name": "urn:ogc:def:crs:EPSG::25832"}}),
        (4326, None),  # what a file has that does not say
        (None, None),
    ],
)
def test_the_system_of_the_coordinates_is_named(
    tmp_path: Path, epsg: int | None, expected: Any
) -> None:
    place = Georeference([[0, 1e-6, 8.5], [-1e-6, 0, 47.3]], epsg)
    document = write(tmp_path / "x.geojson", np.ones((2, 2), int), place)
    assert document.get("crs") == expected
    (ring,) = document["features"][0]["geometry"]["coordinates"]
    assert sorted(ring[1:])[-1] == [8.500002, 47.3]  # longitude, latitude


def test_an_image_without_objects_is_an_empty_collection(tmp_path: Path) -> None:
    document = write(tmp_path / "x.geojson", np.zeros((3, 4), bool))
    assert (document["type"], document["features"]) == ("FeatureCollection", [])


def test_without_a_place_it_says_what_is_missing(tmp_path: Path) -> None:
    with pytest.raises(LabelsError, match=r"where on the ground .* GeoTIFF, or with a world file"):
        write_geojson(tmp_path / "x.geojson", LabelImage(np.ones((3, 4), int)), None)
    assert not list(tmp_path.iterdir())


def test_a_stack_is_refused_and_a_stack_of_one_is_not(tmp_path: Path) -> None:
    with pytest.raises(LabelsError, match=r"shape \(2, 3, 4\) and GeoJSON has no stacks"):
        write(tmp_path / "x.geojson", np.ones((2, 3, 4), int))
    assert len(write(tmp_path / "x.geojson", np.ones((1, 3, 4), int))["features"]) == 1


def test_negative_labels_are_refused(tmp_path: Path) -> None:
    with pytest.raises(LabelsError, match="label -1"):
        write(tmp_path / "x.geojson", np.array([[0, -1]]))


def test_what_was_there_stays_when_the_disk_is_full(
    tmp_path: Path, full_disk: Callable[[], AbstractContextManager[None]]
) -> None:
    path = tmp_path / "x.geojson"
    before = write(path, np.ones((2, 2), int))
    with full_disk(), pytest.raises(UnreadableFileError, match="cannot write"):
        write(path, blocks((40, 60)))
    assert json.loads(path.read_text()) == before
    assert list(tmp_path.iterdir()) == [path]
