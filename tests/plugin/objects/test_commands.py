"""Deleting objects, going to them, and beginning to refine them, by their number."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import zarr
from napari.components import ViewerModel
from psygnal.testing import SignalTester

from napari_catsam.plugin.live.prompt import LivePrompt
from napari_catsam.plugin.objects.commands import Extent

SHAPE = (4, 40, 60)


def make_labels() -> Any:
    """Return object 3 on planes 1 and 2, most of it on 2, and object 8 on plane 3."""
    data = np.zeros(SHAPE, np.int32)
    data[1, 10:14, 10:14] = 3
    data[2, 10:20, 30:40] = 3
    data[3, 0:4, 0:4] = 8
    return data


def put_labels(viewer: ViewerModel, data: Any, **placement: Any) -> Any:
    """Add an image, and labels over data on it."""
    viewer.add_image(np.zeros(SHAPE, np.uint8), name="cells", **placement)
    return viewer.add_labels(data, name="mine", **placement)


@pytest.fixture
def labels(viewer: ViewerModel, widget: Any) -> Any:
    return put_labels(viewer, make_labels())


def steps(viewer: ViewerModel) -> list[int]:
    return [int(step) for step in viewer.dims.current_step]


def test_deleting_takes_the_object_from_all_planes_in_one_step(
    viewer: ViewerModel, widget: Any, labels: Any
) -> None:
    before = labels.data.copy()
    changed = SignalTester(widget.commands.objects.objects_changed)
    with changed:
        widget.commands.objects.delete(labels, 3)
    changed.assert_emitted_once_with(labels, (3,))
    np.testing.assert_array_equal(labels.data, np.where(before == 3, 0, before))
    assert "object 3 deleted from mine" in widget.session.note
    viewer.dims.set_current_step(0, 3)
    labels.undo()
    np.testing.assert_array_equal(labels.data, before)


def test_deleting_on_this_plane_leaves_the_others(
    viewer: ViewerModel, widget: Any, labels: Any
) -> None:
    viewer.dims.set_current_step(0, 1)
    widget.commands.objects.delete(labels, 3, Extent.PLANE)
    assert [int((plane == 3).sum()) for plane in labels.data] == [0, 0, 100, 0]


def test_an_object_that_is_not_there_cannot_be_deleted(
    viewer: ViewerModel, widget: Any, labels: Any
) -> None:
    viewer.dims.set_current_step(0, 3)
    changed = SignalTester(widget.commands.objects.objects_changed)
    with changed:
        widget.commands.objects.delete(labels, 3, Extent.PLANE)
    changed.assert_not_emitted()
    assert widget.session.note == "'mine' has no object 3 on this plane"


def look_at_little(viewer: ViewerModel) -> None:
    """Zoom in on the middle, so that a tenth of the plane is seen."""
    viewer.scene.camera.zoom = 200


def test_jumping_goes_to_the_plane_with_most_of_the_object(
    viewer: ViewerModel, widget: Any, labels: Any
) -> None:
    look_at_little(viewer)
    viewer.dims.set_current_step(0, 0)
    widget.commands.objects.jump_to(labels, 3)
    assert steps(viewer)[0] == 2
    np.testing.assert_allclose(viewer.scene.camera.center[-2:], (14.5, 34.5))


def test_jumping_stays_on_a_plane_that_has_the_object(
    viewer: ViewerModel, widget: Any, labels: Any
) -> None:
    look_at_little(viewer)
    viewer.dims.set_current_step(0, 1)
    widget.commands.objects.jump_to(labels, 3)
    assert steps(viewer)[0] == 1
    np.testing.assert_allclose(viewer.scene.camera.center[-2:], (11.5, 11.5))


def test_jumping_honours_where_the_layer_lies_and_rolled_axes(
    viewer: ViewerModel, widget: Any
) -> None:
    labels = put_labels(viewer, make_labels(), scale=(5, 2, 2), translate=(10, 7, -3))
    look_at_little(viewer)
    viewer.dims.set_current_step(0, 0)
    widget.commands.objects.jump_to(labels, 3)
    assert viewer.dims.point[0] == 20
    np.testing.assert_allclose(viewer.scene.camera.center[-2:], (14.5 * 2 + 7, 34.5 * 2 - 3))
    viewer.dims.order = (1, 2, 0)
    look_at_little(viewer)  # napari shows all of it in another order
    widget.commands.objects.jump_to(labels, 8)
    assert viewer.dims.point[1] in (7, 9, 11, 13)
    np.testing.assert_allclose(viewer.scene.camera.center[-2:], (1.5 * 2 - 3, 25))


@pytest.mark.parametrize(
    ("seen", "stays"), [((24, 24), True), ((10, 24), False), ((24, 10), False)]
)
def test_the_view_stays_where_the_object_is_well_in_sight(
    viewer: ViewerModel, widget: Any, seen: tuple[int, int], stays: bool
) -> None:
    labels = put_labels(viewer, make_labels(), scale=(1, 0.5, 0.5))
    # Object 3 covers rows 4.75..9.75 and columns 14.75..19.75 of the world.
    viewer.scene.camera.center = center = (0.0, 9.0, 19.0)
    viewer.scene.camera.zoom = 20
    viewer.canvas.size = (20 * seen[0], 20 * seen[1])
    viewer.dims.set_current_step(0, 0)
    widget.commands.objects.jump_to(labels, 3)
    assert steps(viewer)[0] == 2
    found = viewer.scene.camera.center[-2:]
    np.testing.assert_allclose(found, center[1:] if stays else (7.25, 17.25))


@pytest.mark.parametrize("command", ["jump_to", "refine", "delete"])
def test_a_wrong_number_is_told(widget: Any, labels: Any, command: str) -> None:
    getattr(widget.commands.objects, command)(labels, 77)
    assert "'mine' has no object 77" in widget.session.note
    assert not widget.session.annotating


@pytest.mark.parametrize("command", ["jump_to", "refine"])
def test_the_3d_view_is_refused(
    viewer: ViewerModel, widget: Any, labels: Any, command: str
) -> None:
    viewer.dims.ndisplay = 3
    getattr(widget.commands.objects, command)(labels, 3)
    assert "3D view" in widget.session.note


def test_refining_goes_there_and_begins_to_annotate(
    viewer: ViewerModel, widget: Any, labels: Any, wait_idle: Any
) -> None:
    viewer.dims.set_current_step(0, 0)
    changed = SignalTester(widget.commands.objects.objects_changed)
    widget.commands.objects.refine(labels, 3)
    assert widget.session.annotating
    assert widget.session.live.picked.id == 3
    assert steps(viewer)[0] == 2
    widget.commands.live.give(LivePrompt((30.0, 10.0)))
    wait_idle(widget)
    with changed:
        widget.commands.live.accept()
    changed.assert_emitted_once_with(labels, (3,))
    assert labels.data[2, 30, 10] == 3
    assert (labels.data[1] == 3).sum() == 16


def test_refining_goes_on_with_the_image_that_is_annotated(
    viewer: ViewerModel, widget: Any, labels: Any
) -> None:
    image = viewer.layers["cells"]
    viewer.add_image(np.zeros(SHAPE, np.uint8), name="above")
    widget.commands.live.start(image)
    points = viewer.layers["object prompts"]
    widget.commands.objects.refine(labels, 8)
    assert viewer.layers["object prompts"] is points
    assert widget.commands.live.image is image


def test_labels_without_an_image_cannot_be_refined(viewer: ViewerModel, widget: Any) -> None:
    labels = viewer.add_labels(make_labels(), name="mine")
    widget.commands.objects.refine(labels, 3)
    assert "no image lies under 'mine'" in widget.session.note


def test_new_objects_are_told_with_those_that_lost_pixels(
    viewer: ViewerModel, widget: Any, labels: Any, wait_idle: Any
) -> None:
    from napari_catsam.plugin.layers.mask_writing import WritePolicy

    widget.session.write_policy = WritePolicy.OVERWRITE
    viewer.dims.set_current_step(0, 3)
    widget.commands.live.start(viewer.layers["cells"], labels)
    widget.commands.live.give(LivePrompt((2.0, 2.0, 10.0, 10.0)))
    wait_idle(widget)
    changed = SignalTester(widget.commands.objects.objects_changed)
    with changed:
        widget.commands.live.accept()
    changed.assert_emitted_once_with(labels, (9, 8))


def test_of_lazy_labels_only_planes_that_were_looked_at_are_searched(
    viewer: ViewerModel, widget: Any, tmp_path: Path, wait_idle: Any
) -> None:
    data = zarr.create_array(tmp_path / "a.zarr", shape=SHAPE, chunks=(1, 40, 60), dtype="uint32")
    data[...] = make_labels().astype(np.uint32)
    labels = put_labels(viewer, data)
    viewer.dims.set_current_step(0, 0)
    objects = widget.commands.objects
    objects.jump_to(labels, 3)
    assert "has no object 3 on the planes that were looked at" in widget.session.note
    viewer.dims.set_current_step(0, 2)
    widget.commands.live.start(viewer.layers["cells"], labels)
    widget.commands.live.give(LivePrompt((30.0, 10.0)))
    wait_idle(widget)
    widget.commands.live.accept()
    assert np.asarray(data[2])[30, 10] == 4
    viewer.dims.set_current_step(0, 0)
    objects.jump_to(labels, 3)
    assert steps(viewer)[0] == 2
    viewer.dims.set_current_step(0, 0)
    objects.delete(labels, 3)
    assert not (np.asarray(data[2]) == 3).any()
    assert (np.asarray(data[1]) == 3).any()
    assert "planes that were not looked at may hold more" in widget.session.note
    labels.undo()
    assert (np.asarray(data[2]) == 3).sum() == 100
