from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from napari.components import ViewerModel

from napari_catsam.errors import ShotError
from napari_catsam.plugin.layers import ObjectMask, add_labels, check_labels, write_objects
from napari_catsam.plugin.planes import Plane, locate_plane


@pytest.fixture
def model() -> ViewerModel:
    return ViewerModel()


def square(row: int, column: int, side: int = 4, score: float = 0.9) -> ObjectMask:
    return ObjectMask((row, column), np.ones((side, side), bool), score)


def stack_with_labels(model: ViewerModel) -> tuple[Any, Any, Plane]:
    image = model.add_image(np.zeros((3, 20, 30)))
    model.dims.set_current_step(0, 1)
    labels = add_labels(model, image, "masks")
    return image, labels, locate_plane(model, image)


def test_new_labels_lie_where_the_image_lies(model: ViewerModel) -> None:
    image = model.add_image(
        np.zeros((3, 20, 30, 3), np.uint8),
        rgb=True, scale=(2, 0.5, 0.5), translate=(1, 2, 3), rotate=(0, 0, 20),
        units=("um", "um", "um"), axis_labels=("z", "y", "x"),
    )  # fmt: skip
    labels = add_labels(model, image, "masks")
    check_labels(labels, image)
    assert labels.data.shape == (3, 20, 30)
    assert labels.units == image.units
    assert labels.axis_labels == image.axis_labels


def test_masks_go_under_the_next_free_numbers(model: ViewerModel) -> None:
    _, labels, plane = stack_with_labels(model)
    labels.data[0, 0, 0] = 7
    written = write_objects(labels, plane, [square(0, 0), square(10, 10)])
    assert written.ids == (8, 9)
    assert (labels.data[1, 0:4, 0:4] == 8).all()
    assert (labels.data[1, 10:14, 10:14] == 9).all()
    assert labels.data[2].max() == 0


def test_existing_objects_are_never_overwritten(model: ViewerModel) -> None:
    _, labels, plane = stack_with_labels(model)
    labels.data[1, 0:4, 0:2] = 3
    written = write_objects(labels, plane, [square(0, 0)])
    assert (labels.data[1, 0:4, 0:2] == 3).all()
    assert (labels.data[1, 0:4, 2:4] == written.ids[0]).all()


def test_a_mask_that_lies_on_an_object_is_left_out(model: ViewerModel) -> None:
    _, labels, plane = stack_with_labels(model)
    write_objects(labels, plane, [square(0, 0, 6)])
    written = write_objects(labels, plane, [square(1, 1, 6), square(10, 10)])
    assert (written.ids, written.covered) == ((2,), 1)


def test_of_two_new_masks_the_surer_one_has_the_pixel(model: ViewerModel) -> None:
    _, labels, plane = stack_with_labels(model)
    write_objects(labels, plane, [square(0, 0, 6, score=0.5), square(4, 4, 6, score=0.9)])
    assert labels.data[1, 5, 5] == 2
    assert labels.data[1, 0, 0] == 1


def test_an_empty_mask_takes_no_number(model: ViewerModel) -> None:
    _, labels, plane = stack_with_labels(model)
    nothing = ObjectMask((0, 0), np.zeros((0, 0), bool), 0.1)
    written = write_objects(labels, plane, [nothing, square(0, 0)])
    assert (written.ids, written.empty) == ((1,), 1)


def test_one_undo_takes_all_masks_of_one_segmentation_back(model: ViewerModel) -> None:
    _, labels, plane = stack_with_labels(model)
    write_objects(labels, plane, [square(0, 0)])
    before = labels.data.copy()
    write_objects(labels, plane, [square(8, 8), square(14, 14)])
    model.dims.set_current_step(0, 2)
    labels.undo()
    np.testing.assert_array_equal(labels.data, before)
    labels.redo()
    assert labels.data.max() == 3


def test_a_type_that_is_full_is_refused_before_anything_is_written(model: ViewerModel) -> None:
    _, _, plane = stack_with_labels(model)
    labels = model.add_labels(np.zeros((3, 20, 30), np.uint8), name="small")
    labels.data[0, 0, 0] = 255
    with pytest.raises(ShotError, match="'small' holds uint8, up to 255"):
        write_objects(labels, plane, [square(0, 0)])
    assert labels.data[1].max() == 0


@pytest.mark.parametrize(
    ("shape", "placement", "match"),
    [
        ((20, 30), {}, "has shape"),
        ((3, 20, 30), {"scale": (1, 2, 2)}, "does not lie on"),
    ],
)
def test_labels_of_another_grid_are_refused(
    model: ViewerModel, shape: tuple[int, ...], placement: dict[str, Any], match: str
) -> None:
    image = model.add_image(np.zeros((3, 20, 30)))
    labels = model.add_labels(np.zeros(shape, int), **placement)
    with pytest.raises(ShotError, match=match):
        check_labels(labels, image)
