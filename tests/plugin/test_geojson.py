"""Labels layers go to GeoJSON by the file of the image that they lie on."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from napari import Viewer
from napari.layers import Labels
from napari.utils.notifications import notification_manager
from npe2 import PluginManager
from skimage.io import imsave

from napari_catsam.errors import UnreadableFileError
from napari_catsam.exchange import read_geojson, read_georeference
from napari_catsam.plugin.geojson import GEOREFERENCED_FILES, save_geojson
from napari_catsam.plugin.objects.features import ObjectFeatures, write_features
from tests.exchange.conftest import blocks, write_geotiff
from tests.plugin.conftest import WAIT

PLACED = (33550, 12, 3, (0.2, 0.5, 0.0)), (33922, 12, 6, (0.0, 0.0, 0.0, 5e5, 5.5e6, 0.0))
CODED = {1024: 1, 3072: 25832}


@pytest.fixture(autouse=True)
def _plugins_are_found() -> None:
    PluginManager.instance().discover()


@pytest.fixture
def field(tmp_path: Path) -> Path:
    """Return a colour image that is a GeoTIFF."""
    return write_geotiff(tmp_path / "field.tif", *PLACED, keys=CODED, size=(36, 33, 3))


def label(viewer: Viewer) -> Labels:
    """Add a Labels layer with a class and a score."""
    labels = viewer.add_labels(blocks((36, 33)), name="trees")
    write_features(labels, {1: ObjectFeatures("tree", 0.75), 2: ObjectFeatures("roof", None)})
    return labels


def described(path: Path) -> dict[int, dict[str, Any]]:
    features = json.loads(path.read_text())["features"]
    return {feature["properties"]["id"]: feature["properties"] for feature in features}


def test_labels_are_saved_where_the_image_lies(window: Viewer, field: Path) -> None:
    window.open(field, plugin="napari")
    labels = label(window)
    window.layers.selection = {labels}
    path = field.with_name("trees.geojson")
    assert window.layers.save(str(path), selected=True) == [str(path)]
    place = read_georeference(field)
    assert place is not None
    assert place.epsg == 25832
    read = read_geojson(path, (36, 33), place)
    assert np.array_equal(read.labels, labels.data)
    assert read.name == "field.tif"
    found = described(path)
    assert (found[1]["class"], found[1]["score"]) == ("tree", 0.75)
    assert found[2]["class"] == "roof"
    assert "score" not in found[2]
    assert found[3]["class"] == "object"


def test_the_dock_exports_it_in_the_background(
    qtbot: Any, window: Viewer, docked: Any, field: Path
) -> None:
    window.open(field, plugin="napari")
    labels = label(window)
    docked.segment_view.target.show_value(labels)
    path = field.with_name("trees.geojson")
    docked.work_view.export_requested.emit(str(path))
    assert docked.work_view.exporting.text() == "exporting…"
    qtbot.waitUntil(lambda: not docked.work_view.exporting.text(), timeout=WAIT)
    assert docked.session.note == f"trees exported to {path}"
    assert set(described(path)) == {1, 2, 3, 4, 5}


def test_the_first_file_that_says_where_it_lies_is_taken(tmp_path: Path, field: Path) -> None:
    imsave(tmp_path / "x.png", np.zeros((24, 30), np.uint8), check_contrast=False)
    files = ["https://example.org/x.tif", str(tmp_path / "x.png"), str(field)]
    meta = {GEOREFERENCED_FILES: files}
    (path,) = save_geojson(str(tmp_path / "x"), blocks((24, 30)), meta)
    assert path == str(tmp_path / "x.geojson")
    (x, y), *_ = json.loads(Path(path).read_text())["features"][0]["geometry"]["coordinates"][0][0]
    assert 5e5 <= x <= 5e5 + 6
    assert 5.5e6 - 12 <= y <= 5.5e6


def test_a_system_that_nobody_knows_is_a_warning(tmp_path: Path, field: Path) -> None:
    for keys, warnings in ((CODED, 0), ({}, 1)):
        before = len(notification_manager.records)
        file = write_geotiff(tmp_path / "x.tif", *PLACED, keys=keys)
        meta = {GEOREFERENCED_FILES: [str(file)]}
        save_geojson(str(tmp_path / "x.geojson"), blocks((8, 9)), meta)
        said = [record.message for record in notification_manager.records[before:]]
        assert len(said) == warnings
        assert all("does not name its coordinate reference system" in text for text in said)


@pytest.mark.parametrize(
    ("labels", "said"),
    [
        (np.ones((24, 30), int), "where on the ground"),
        (np.ones((2, 24, 30), int), "GeoJSON has no stacks"),
        (np.array([[0, -3]]), "there is a label -3"),
    ],
)
def test_what_cannot_be_written_is_an_error_and_not_a_silent_nothing(
    tmp_path: Path, field: Path, labels: np.ndarray, said: str
) -> None:
    files = [] if labels.shape == (24, 30) else [str(field)]
    with pytest.raises(UnreadableFileError, match=rf"cannot write .*x\.geojson: .*{said}"):
        save_geojson(str(tmp_path / "x.geojson"), labels, {GEOREFERENCED_FILES: files})
    assert not (tmp_path / "x.geojson").exists()
