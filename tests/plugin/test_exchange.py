"""Labels layers go to files and come back through napari's manifest."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import dask.array
import numpy as np
import pytest
import tifffile
from napari import Viewer
from napari.components import ViewerModel
from napari.layers import Labels
from napari.utils.notifications import NotificationSeverity, notification_manager
from npe2 import PluginManager
from pycocotools.coco import COCO
from skimage.io import imsave

from napari_catsam.errors import UnreadableFileError
from napari_catsam.exchange import read_coco, read_label_tiff, read_label_zarr
from napari_catsam.plugin.exchange import (
    MOST_IMAGES,
    coco_reader,
    save_coco,
    save_tiff,
    save_zarr,
    zarr_reader,
)
from napari_catsam.plugin.objects.features import ObjectFeatures, read_features, write_features
from tests.exchange.conftest import LARGEST, OnePlaneAtATime, blocks

PLUGIN = "napari-catsam"

NOTHING_HEAVY = """
import sys
from napari_catsam.plugin.exchange import coco_reader, zarr_reader
assert coco_reader(sys.argv[1]) is None
assert zarr_reader(sys.argv[2]) is None
heavy = {"torch", "zarr", "tifffile", "napari", "scipy"} & set(sys.modules)
sys.exit(f"loaded {heavy}" if heavy else 0)
"""


pytestmark = pytest.mark.filterwarnings(
    "ignore:__array__ implementation:DeprecationWarning"  # of pycocotools
)


@pytest.fixture(autouse=True)
def _plugins_are_found() -> None:
    PluginManager.instance().discover()


@pytest.fixture
def stack(viewer: ViewerModel) -> Labels:
    return viewer.add_labels(
        blocks((2, 3, 24, 30), LARGEST).astype(np.uint32),
        name="cells",
        scale=(2.0, 1.0, 0.25, 0.5),
        translate=(0.0, 5.0, 1.0, 2.0),
        units=("second", "micrometer", "micrometer", "micrometer"),
        axis_labels=("t", "z", "y", "x"),
        features={"index": [0, 1, LARGEST], "class": ["", "nucleus", "cell"]},
    )


def save(viewer: ViewerModel, path: Path) -> Path:
    assert viewer.layers.save(str(path), plugin=PLUGIN) == [str(path)]
    return path


def said() -> str:
    """Return the last warning that the user has seen."""
    last = notification_manager.records[-1]
    assert last.severity == NotificationSeverity.WARNING
    return last.message


def reopen(viewer: ViewerModel, path: Path) -> Labels:
    (layer,) = viewer.open(str(path), plugin=PLUGIN)
    assert isinstance(layer, Labels)
    return layer


@pytest.mark.parametrize("name", ["x.json", "x.ome.zarr", "x.zarr"])
def test_a_stack_is_saved_and_opened_in_its_place(
    viewer: ViewerModel, stack: Labels, tmp_path: Path, name: str
) -> None:
    layer = reopen(viewer, save(viewer, tmp_path / name))
    assert np.array_equal(layer.data, stack.data)
    assert layer.axis_labels == stack.axis_labels
    assert layer.units == stack.units
    assert np.array_equal(layer.scale, stack.scale)
    assert np.array_equal(layer.translate, stack.translate)
    classes = dict(zip(layer.features["index"], layer.features["class"], strict=True))
    assert (classes[1], classes[LARGEST]) == ("nucleus", "cell")
    layer.data_setitem(tuple(np.zeros((4, 1), int)), 9)  # and it can be edited


@pytest.mark.parametrize("name", ["x.tif", "x.tiff", "x.ome.tif", "x.ome.tiff"])
def test_a_tiff_keeps_the_scale(
    viewer: ViewerModel, stack: Labels, tmp_path: Path, name: str
) -> None:
    image = read_label_tiff(save(viewer, tmp_path / name))
    assert np.array_equal(image.labels, stack.data)
    assert image.scale == pytest.approx(stack.scale)
    assert image.units == tuple(map(str, stack.units))


@pytest.mark.parametrize(
    "table",
    [
        {"class": ["", "a", None, "b", np.nan]},
        {"index": [3, 1, 4, 0], "class": ["b", "a", "", "background"], "size": [1, 2, 3, 4]},
    ],
    ids=["row i is label i", "a column says which"],
)
def test_classes_are_those_of_the_features(
    viewer: ViewerModel, tmp_path: Path, table: dict[str, list[Any]]
) -> None:
    viewer.add_labels(np.array([[0, 1, 2], [3, 4, 0]]), features=table)
    (image,) = read_coco(save(viewer, tmp_path / "x.json"))
    assert dict(image.classes) == {1: "a", 2: "object", 3: "b", 4: "object"}


def test_labels_without_classes_come_back_without_features(
    viewer: ViewerModel, tmp_path: Path
) -> None:
    viewer.add_labels(blocks((8, 9)))
    for name in ("x.json", "x.zarr"):
        assert reopen(viewer, save(viewer, tmp_path / name)).features.empty
        viewer.layers.pop()


def test_a_lazy_stack_is_written_one_plane_at_a_time(tmp_path: Path) -> None:
    labels = blocks((3, 8, 9))
    for write, name in ((save_coco, "x.json"), (save_tiff, "x.tif"), (save_zarr, "x.zarr")):
        lazy = OnePlaneAtATime(labels)
        lazy.ndim = 3  # type: ignore[attr-defined]
        assert write(str(tmp_path / name), lazy, {}) == [str(tmp_path / name)]
        assert len(lazy.read) == (6 if name == "x.tif" else 3)


def test_a_dask_layer_and_a_multiscale_layer_are_saved(viewer: ViewerModel, tmp_path: Path) -> None:
    labels = blocks((8, 12))
    for data in (dask.array.from_array(labels, chunks=(4, 4)), [labels, labels[::2, ::2]]):
        viewer.add_labels(data)
        path = save(viewer, tmp_path / "x.zarr")
        assert np.array_equal(read_label_zarr(path).labels[...], labels)
        viewer.layers.pop()


def test_three_axes_of_which_one_is_time_are_no_volume(viewer: ViewerModel, tmp_path: Path) -> None:
    viewer.add_labels(blocks((3, 8, 9)), units=("second", "micrometer", "micrometer"))
    assert read_label_tiff(save(viewer, tmp_path / "x.tif")).axes == "tyx"


def test_an_affine_that_only_scales_and_moves_is_kept(viewer: ViewerModel, tmp_path: Path) -> None:
    affine = np.array([[3.0, 0.0, 7.0], [0.0, 2.0, 0.0], [0.0, 0.0, 1.0]])
    viewer.add_labels(blocks((8, 9)), scale=(0.5, 0.5), translate=(1, 2), affine=affine)
    image = read_label_zarr(save(viewer, tmp_path / "x.zarr"))
    assert (image.scale, image.translate) == ((1.5, 1.0), (10.0, 4.0))


@pytest.mark.parametrize("given", [{"rotate": 30}, {"shear": [0.2]}, {"scale": (-0.5, 0.25)}])
def test_what_a_file_cannot_hold_is_said(
    viewer: ViewerModel, tmp_path: Path, given: dict[str, Any]
) -> None:
    viewer.add_labels(blocks((8, 9)), **({"scale": (0.5, 0.25)} | given))
    path = save(viewer, tmp_path / "x.tif")
    assert "not the rotation, shear or mirroring" in said()
    assert read_label_tiff(path).scale == pytest.approx((0.5, 0.25))


@pytest.mark.parametrize("name", ["x.json", "x.tif", "x.zarr"])
def test_labels_that_cannot_be_written_are_an_error_and_not_a_silent_nothing(
    viewer: ViewerModel, tmp_path: Path, name: str
) -> None:
    viewer.add_labels(np.array([[0, -3]]))
    with pytest.raises(UnreadableFileError, match=rf"cannot write .*{name}: there is a label -3"):
        viewer.layers.save(str(tmp_path / name), plugin=PLUGIN)
    with pytest.raises(UnreadableFileError, match="cannot write"):
        viewer.layers.save(str(tmp_path / "nowhere" / name), plugin=PLUGIN)


def test_a_table_that_makes_no_sense_is_an_error_too(viewer: ViewerModel, tmp_path: Path) -> None:
    viewer.add_labels(
        np.array([[0, 1]]), features={"index": ["first", "second"], "class": ["a", "b"]}
    )
    with pytest.raises(UnreadableFileError, match="'first'"):
        viewer.layers.save(str(tmp_path / "x.json"), plugin=PLUGIN)


@pytest.mark.parametrize(
    ("write", "name"), [(save_coco, "x.json"), (save_tiff, "x.tif"), (save_zarr, "x.ome.zarr")]
)
def test_a_name_without_an_extension_gets_one(
    tmp_path: Path, write: Callable[..., list[str]], name: str
) -> None:
    assert write(str(tmp_path / "x"), blocks((8, 9)), {}) == [str(tmp_path / name)]
    assert (tmp_path / name).exists()


@pytest.mark.parametrize("colour", [False, True], ids=["gray", "colour"])
def test_the_image_beside_a_coco_file_is_opened_with_it(
    viewer: ViewerModel, tmp_path: Path, colour: bool
) -> None:
    pixels = np.zeros((8, 9, 3) if colour else (8, 9), np.uint8)
    imsave(tmp_path / "x.tif", pixels, check_contrast=False)
    labels = viewer.add_labels(blocks((8, 9)), scale=(2, 2))
    image, again = viewer.open(str(save(viewer, tmp_path / "x.json")), plugin=PLUGIN)
    assert image._type_string == "image"
    assert image.rgb == colour
    assert np.array_equal(image.scale, labels.scale)
    assert np.array_equal(again.data, labels.data)


def test_the_stack_beside_a_coco_file_is_opened_with_it(
    viewer: ViewerModel, tmp_path: Path
) -> None:
    tifffile.imwrite(tmp_path / "x.tif", np.zeros((3, 8, 9), np.uint16), photometric="minisblack")
    viewer.add_labels(blocks((3, 8, 9)))
    image, again = viewer.open(str(save(viewer, tmp_path / "x.json")), plugin=PLUGIN)
    assert image.data.shape == again.data.shape == (3, 8, 9)


@pytest.mark.parametrize("content", [b"no image", None], ids=["broken", "another size"])
def test_an_image_that_does_not_fit_is_left_out_and_said(
    viewer: ViewerModel, tmp_path: Path, content: bytes | None
) -> None:
    viewer.add_labels(blocks((8, 9)))
    path = save(viewer, tmp_path / "x.json")
    if content is None:
        imsave(tmp_path / "x.tif", np.zeros((5, 6), np.uint8), check_contrast=False)
    else:
        (tmp_path / "x.tif").write_bytes(content)
    reopen(viewer, path)
    assert said().startswith("x.tif is not opened")


def test_a_coco_file_of_very_many_images_is_refused(viewer: ViewerModel, tmp_path: Path) -> None:
    viewer.add_labels(blocks((8, 9)))
    path = save(viewer, tmp_path / "x.json")
    content = json.loads(path.read_text())
    content["images"] = [
        entry | {"id": number} for number in range(MOST_IMAGES + 1) for entry in content["images"]
    ]
    path.write_text(json.dumps(content))
    with pytest.raises(UnreadableFileError, match=f"more than {MOST_IMAGES} images"):
        viewer.open(str(path), plugin=PLUGIN)


def test_other_files_are_not_claimed_and_nothing_heavy_is_loaded_to_tell(tmp_path: Path) -> None:
    path = tmp_path / "settings.json"
    path.write_text('{"images": 5}')
    assert coco_reader([str(path)]) is None
    assert zarr_reader(str(tmp_path)) is None
    done = subprocess.run(
        [sys.executable, "-c", NOTHING_HEAVY, str(path), str(tmp_path)],
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr


def test_coco_names_the_image_that_the_labels_lie_on(
    make_napari_viewer: Callable[..., Viewer], tmp_path: Path
) -> None:
    viewer = make_napari_viewer()
    (tmp_path / "images").mkdir()
    imsave(tmp_path / "images" / "a.tif", np.zeros((8, 9), np.uint8), check_contrast=False)
    viewer.open(str(tmp_path / "images" / "a.tif"), plugin="napari")
    viewer.add_image(np.zeros((8, 9)))  # of no file
    viewer.add_image(np.zeros((4, 5)))  # of another shape
    labels = viewer.add_labels(blocks((8, 9)))
    viewer.layers.selection = {labels}
    for folder, name in (("", "images/a.tif"), ("images", "a.tif")):
        path = tmp_path / folder / "x.json"
        viewer.layers.save(str(path), selected=True)
        (image,) = read_coco(path)
        assert image.name == name
    assert len(viewer.open(str(path), plugin=None)) == 2  # no question which plugin is meant
    viewer.layers.save(str(tmp_path / "plain"), selected=True)
    assert (tmp_path / "plain.tif").exists()  # the usual writer is still napari's own


def test_classes_of_the_table_are_the_categories_that_pycocotools_reads(
    viewer: ViewerModel, tmp_path: Path
) -> None:
    labels = viewer.add_labels(np.array([[0, 1, 2, 2], [3, 3, 3, 0]]), name="cells")
    objects = {1: ObjectFeatures("nucleus", 0.9), 2: ObjectFeatures("debris", None)}
    write_features(labels, objects)
    path = save(viewer, tmp_path / "x.json")
    coco = COCO(path)
    names = {category["id"]: category["name"] for category in coco.loadCats(coco.getCatIds())}
    assert sorted(names.values()) == ["debris", "nucleus", "object"]
    found = {a["label"]: names[a["category_id"]] for a in coco.loadAnns(coco.getAnnIds())}
    assert found == {1: "nucleus", 2: "debris", 3: "object"}
    debris = coco.getAnnIds(catIds=coco.getCatIds(catNms=["debris"]))
    assert [a["area"] for a in coco.loadAnns(debris)] == [2]
    again = read_features(reopen(viewer, path))
    assert {n: item.name for n, item in again.items()} == found
