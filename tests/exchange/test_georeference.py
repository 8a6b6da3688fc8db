"""Where an image lies: tags as GeoTIFF has them, and world files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from skimage.io import imsave

from napari_catsam.errors import LabelsError, UnreadableFileError
from napari_catsam.exchange import Georeference, read_georeference
from tests.exchange.conftest import write_geotiff

SCALE = (33550, 12, 3, (0.2, 0.5, 0.0))
TIE = (33922, 12, 6, (0.0, 0.0, 0.0, 500000.0, 5500000.0, 0.0))
CORNER, PIXEL = (500000.0, 5500000.0), (500000.0 + 3 * 0.2, 5500000.0 - 2 * 0.5)
AREA, POINT = {1025: 1}, {1025: 2}


def read(path: Path) -> Georeference:
    found = read_georeference(path)
    assert found is not None
    return found


def test_scale_and_tie_point_place_the_outer_corner(tmp_path: Path) -> None:
    found = read(write_geotiff(tmp_path / "x.tif", SCALE, TIE, keys=AREA))
    assert found.to_ground([(0, 0), (2, 3)]).tolist() == [list(CORNER), list(PIXEL)]
    assert (found.pixel_area, found.pixel_side) == (pytest.approx(0.1), 0.2)


def test_a_tie_point_may_be_of_another_pixel(tmp_path: Path) -> None:
    tie = (33922, 12, 6, (3.0, 2.0, 0.0, *PIXEL, 0.0))
    found = read(write_geotiff(tmp_path / "x.tif", SCALE, tie, keys=AREA))
    assert found.to_ground([(0, 0)])[0] == pytest.approx(CORNER)


def test_a_tie_point_of_a_centre_is_half_a_pixel_off(tmp_path: Path) -> None:
    found = read(write_geotiff(tmp_path / "x.tif", SCALE, TIE, keys=POINT))
    assert found.to_ground([(0.5, 0.5)])[0] == pytest.approx(CORNER)


@pytest.mark.parametrize(("keys", "at"), [(AREA, (0, 0)), (POINT, (0.5, 0.5))])
def test_a_transformation_may_turn_and_shear(
    tmp_path: Path, keys: dict[int, int], at: tuple[float, float]
) -> None:
    # Of column, row, height and 1, in that order.
    whole = (34264, 12, 16, (0.3, 0.1, 0, 100, 0.2, -0.4, 0, 200, 0, 0, 0, 0, 0, 0, 0, 1))
    found = read(write_geotiff(tmp_path / "x.tif", whole, SCALE, TIE, keys=keys))
    row, column = at
    points = found.to_ground([(row, column), (row + 2, column), (row, column + 1)])
    assert points == pytest.approx(np.array([(100, 200), (100.2, 199.2), (100.3, 200.2)]))
    assert found.to_pixels(points)[0] == pytest.approx(np.array(at))


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        ({1024: 1, 3072: 25832, 2048: 4258}, 25832),
        ({1024: 2, 2048: 4326}, 4326),
        ({3072: 32632}, 32632),
        ({2048: 4258}, 4258),
        ({1024: 1, 3072: 32767, 2048: 4326}, None),  # a projection that is spelled out
        ({1024: 1, 2048: 4326}, None),
        ({1024: 3}, None),
        ({}, None),
    ],
)
def test_the_code_is_that_of_the_coordinates(
    tmp_path: Path, keys: dict[int, int], expected: int | None
) -> None:
    assert read(write_geotiff(tmp_path / "x.tif", SCALE, TIE, keys=keys)).epsg == expected


@pytest.mark.parametrize(
    "tags",
    [(), (SCALE,), (TIE,), ((33550, 12, 3, (0.0, 0.0, 0.0)), TIE), ((33550, 2, 3, "ab"), TIE)],
    ids=["none", "scale alone", "tie point alone", "no size", "no numbers"],
)
def test_tags_that_do_not_place_an_image_are_none(tmp_path: Path, tags: tuple[Any, ...]) -> None:
    assert read_georeference(write_geotiff(tmp_path / "x.tif", *tags, keys=AREA)) is None


@pytest.mark.parametrize(
    ("image", "world"),
    [
        ("x.png", "x.pgw"),
        ("x.jpg", "x.jgw"),
        ("x.jpg", "x.jpgw"),
        ("x.tif", "x.tfw"),
        ("x.tif", "x.TFW"),
        ("a.b.png", "a.b.wld"),
    ],
)
def test_a_world_file_places_the_centre_of_the_first_pixel(
    tmp_path: Path, image: str, world: str
) -> None:
    imsave(tmp_path / image, np.zeros((8, 9), np.uint8), check_contrast=False)
    assert read_georeference(tmp_path / image) is None
    (tmp_path / world).write_text("0.2\n0.01\n0.02\n-0.5\n500000.1\n5499999.75\n")
    found = read(tmp_path / image)
    assert found.to_ground([(0.5, 0.5), (0.5, 1.5), (1.5, 0.5)]) == pytest.approx(
        np.array([(500000.1, 5499999.75), (500000.3, 5499999.76), (500000.12, 5499999.25)])
    )
    assert found.epsg is None


def test_tags_go_before_a_world_file_and_name_its_system(tmp_path: Path) -> None:
    (tmp_path / "x.tfw").write_text("1\n0\n0\n-1\n7.5\n6.5")
    tagged = write_geotiff(tmp_path / "x.tif", SCALE, TIE, keys={3072: 25832})
    assert read(tagged).to_ground([(0, 0)])[0].tolist() == list(CORNER)
    bare = read(write_geotiff(tmp_path / "x.tif", keys={3072: 25832}))
    assert bare.to_ground([(0, 0)])[0].tolist() == [7.0, 7.0]
    assert bare.epsg == 25832


@pytest.mark.parametrize(
    ("text", "said"), [("1 0 0 1 5", "has 5 numbers"), ("a", "cannot"), ("0 0 0 0 5 5", "one line")]
)
def test_a_broken_world_file_is_an_error(tmp_path: Path, text: str, said: str) -> None:
    imsave(tmp_path / "x.png", np.zeros((8, 9), np.uint8), check_contrast=False)
    (tmp_path / "x.pgw").write_text(text)
    with pytest.raises(UnreadableFileError, match=said):
        read_georeference(tmp_path / "x.png")


def test_a_missing_file_is_an_error_and_a_broken_one_has_none(tmp_path: Path) -> None:
    with pytest.raises(UnreadableFileError, match=r"no file .*x\.tif"):
        read_georeference(tmp_path / "x.tif")
    (tmp_path / "x.tif").write_bytes(b"II*\0\x08\0\0\0\xff")
    assert read_georeference(tmp_path / "x.tif") is None


@pytest.mark.parametrize(
    ("affine", "said"),
    [
        ([[1, 0], [0, 1]], "2 x 3"),
        ([[1, 0, np.inf], [0, 1, 0]], "finite"),
        ([[1, 2, 0], [2, 4, 0]], "on one line"),
        ([[0, 0, 0], [0, 1, 0]], "on one line"),
    ],
)
def test_numbers_that_are_no_place_are_refused(affine: Any, said: str) -> None:
    with pytest.raises(LabelsError, match=said):
        Georeference(affine)


def test_georeferences_are_compared_by_value() -> None:
    one, other = (
        Georeference(np.array([[0, 1, 5], [-1, 0, 6]])),
        Georeference(((0, 1, 5), (-1, 0, 6))),
    )
    assert one == other
    assert hash(one) == hash(other)
