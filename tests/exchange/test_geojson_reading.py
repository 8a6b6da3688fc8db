"""Labels come back from GeoJSON bit for bit, and objects of other programs come in."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from napari_catsam.errors import LabelsError, UnreadableFileError
from napari_catsam.exchange import Georeference, LabelImage, read_geojson, write_geojson
from tests.exchange.conftest import LARGEST, blocks

NORTH_UP = Georeference([[0, 0.2, 500000.1], [-0.2, 0, 5500000.7]], 25832)
TURNED = Georeference([[0.05, 0.21, 500000.1], [-0.2, 0.04, 5500000.7]], 25832)
MIRRORED = Georeference([[0, -0.1, 0], [-0.3, 0, 0]])
DEGREES = Georeference([[0, 1e-6 / 3, 179.99], [-1e-6 / 7, 0, -33.3]], 4326)
UNIT = Georeference([[0, 1, 0], [1, 0, 0]])


def square(row: float, column: float, side: float = 2) -> list[list[float]]:
    """Return a closed ring of x and y, which are column and row of the image at ``UNIT``."""
    corners = [(0, 0), (0, side), (side, side), (side, 0), (0, 0)]
    return [[column + x, row + y] for x, y in corners]


def polygon(*rings: Any, **properties: Any) -> dict[str, Any]:
    geometry = {"type": "Polygon", "coordinates": rings}
    return {"type": "Feature", "properties": properties, "geometry": geometry}


def save(path: Path, *features: Any, **members: Any) -> Path:
    content = {"type": "FeatureCollection", "features": features, **members}
    path.write_text(json.dumps(content))
    return path


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "x.geojson"


@pytest.mark.parametrize("place", [NORTH_UP, TURNED, MIRRORED, DEGREES])
@pytest.mark.parametrize("seed", range(5))
def test_labels_come_back(path: Path, place: Georeference, seed: int) -> None:
    random = np.random.default_rng(seed)
    many_holes = random.random((20, 20)) < 0.8
    speckles = random.integers(0, 4, (9, 13)) * 10**9
    for labels in (blocks((24, 30), LARGEST, seed), speckles, many_holes):
        write_geojson(path, LabelImage(labels), place)
        again = read_geojson(path, labels.shape, place).labels
        assert again.dtype == np.uint32
        assert np.array_equal(again, labels)


def test_classes_and_the_name_of_the_image_come_back(path: Path) -> None:
    image = LabelImage(np.array([[1, 0, 5]]), classes={5: "tree"}, name="field.tif")
    again = read_geojson(write_geojson(path, image, NORTH_UP), (1, 3), NORTH_UP)
    assert dict(again.classes) == {1: "object", 5: "tree"}
    assert again.name == "field.tif"


def test_labels_may_be_read_onto_another_image_of_the_place(path: Path) -> None:
    labels = np.zeros((8, 8), int)
    labels[2:6, 2:6] = 3
    write_geojson(path, LabelImage(labels), UNIT)
    finer = Georeference([[0, 0.5, 1], [0.5, 0, 1]])
    expected = np.kron(labels, np.ones((2, 2), int))[2:12, 2:12]
    assert np.array_equal(read_geojson(path, (10, 10), finer).labels, expected)


def test_features_of_other_programs_are_numbered_in_their_order(path: Path) -> None:
    line = {"type": "LineString", "coordinates": [[0, 0], [1, 1]]}
    save(
        path,
        polygon([[*xy, 12.5] for xy in square(0, 0)], id="a1"),  # with a height
        polygon(square(1, 1)),
        {"type": "Feature", "properties": None, "geometry": None},
        {"type": "Feature", "properties": {}, "geometry": line},
        polygon(square(0, 4, 3), square(1, 5, 1)),
        crs=None,
    )
    found = read_geojson(path, (4, 8), UNIT).labels
    assert found.tolist() == [
        [1, 1, 0, 0, 5, 5, 5, 0],
        [1, 1, 2, 0, 5, 0, 5, 0],
        [0, 2, 2, 0, 5, 5, 5, 0],
        [0, 0, 0, 0, 0, 0, 0, 0],
    ]


@pytest.mark.parametrize(
    "name",
    ["EPSG:25832", "epsg:25832", "urn:ogc:def:crs:EPSG::25832", "urn:ogc:def:crs:EPSG:9.1:25832"],
)
def test_the_system_of_the_image_is_known_by_its_names(path: Path, name: str) -> None:
    save(path, polygon(square(0, 0)), crs={"type": "name", "properties": {"name": name}})
    assert read_geojson(path, (2, 2), replace(UNIT, epsg=25832)).labels.all()
    with pytest.raises(UnreadableFileError, match=r"25832, those of the image in EPSG:4326"):
        read_geojson(path, (2, 2), replace(UNIT, epsg=4326))
    assert read_geojson(path, (2, 2), UNIT).labels.all()  # of which nobody knows it


@pytest.mark.parametrize("name", [None, "urn:ogc:def:crs:OGC:1.3:CRS84"])
def test_a_file_that_names_no_other_system_is_in_longitude_and_latitude(
    path: Path, name: str | None
) -> None:
    members = {} if name is None else {"crs": {"type": "name", "properties": {"name": name}}}
    save(path, polygon(square(0, 0)), **members)
    assert read_geojson(path, (2, 2), replace(UNIT, epsg=4326)).labels.all()
    with pytest.raises(UnreadableFileError, match="convert the file"):
        read_geojson(path, (2, 2), replace(UNIT, epsg=25832))


@pytest.mark.parametrize(
    ("feature", "said"),
    [
        (polygon([[0, 0], [0, float("nan")], [1, 1]]), "not finite"),
        (polygon([[0, 0], [0], [1, 1]]), "cannot be read as GeoJSON"),
        (polygon([1, 2, 3]), "cannot be read as GeoJSON"),
        ({"geometry": {"coordinates": []}}, "there is no 'type'"),
        ({"geometry": {"type": "Polygon"}}, "there is no 'coordinates'"),
        ({"geometry": "Polygon"}, "cannot be read as GeoJSON"),
        ({"properties": [1], "geometry": None}, "cannot be read as GeoJSON"),
    ],
)
def test_features_that_are_none_are_an_error(path: Path, feature: Any, said: str) -> None:
    with pytest.raises(UnreadableFileError, match=said):
        read_geojson(save(path, feature), (4, 4), UNIT)


@pytest.mark.parametrize(
    ("text", "said"),
    [("{", "no JSON, or is cut off"), ("[]", "no feature collection"), ("{}", "no feature collection"),
     ('{"features": [1]}', "no feature collection"), (None, "cannot read")],
)  # fmt: skip
def test_a_file_that_is_no_geojson_is_an_error(path: Path, text: str | None, said: str) -> None:
    if text is not None:
        path.write_text(text)
    with pytest.raises(UnreadableFileError, match=said):
        read_geojson(path, (4, 4), UNIT)


def test_an_image_without_pixels_is_refused(path: Path) -> None:
    with pytest.raises(LabelsError, match="0 x 4"):
        read_geojson(save(path), (0, 4), UNIT)
