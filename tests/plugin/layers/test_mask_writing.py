"""Writing masks into Labels layers: numbers, policies, one step back, and every kind of data."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import dask.array
import numpy as np
import pytest
import zarr
from napari.components import ViewerModel

from napari_catsam.errors import LabelsError
from napari_catsam.plugin.layers.mask_writing import WritePolicy, replace_object, write_objects
from napari_catsam.plugin.layers.new_layers import ObjectMask, add_labels
from napari_catsam.plugin.layers.pixel_editing import erase_object
from napari_catsam.plugin.layers.planes import Plane, locate_plane
from napari_catsam.plugin.objects.ids import ObjectIds
from napari_catsam.plugin.objects.picking import pick_object

SHAPE = (3, 20, 30)
OVERWRITE = WritePolicy.OVERWRITE
EVERYWHERE = (slice(None),) * 3


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
    with pytest.raises(LabelsError, match="'small' holds uint8, up to 255"):
        write_objects(labels, plane, [square(0, 0)])
    assert labels.data[1].max() == 0


def on_layer(model: ViewerModel, data: Any) -> tuple[Any, Plane]:
    """Add labels over data to an image, and return them with the plane 1 of the image."""
    image = model.add_image(np.zeros(SHAPE))
    model.dims.set_current_step(0, 1)
    return model.add_labels(data, name="mine"), locate_plane(model, image)


def test_overwriting_takes_pixels_of_others_and_tells_whose(model: ViewerModel) -> None:
    _, labels, plane = stack_with_labels(model)
    labels.data[1, 0:2, 0:2] = 3
    labels.data[1, 3:8, 3:8] = 4
    labels.data[2, 0:2, 0:2] = 3
    written = write_objects(labels, plane, [square(0, 0, 5)], OVERWRITE)
    assert written.ids == (5,)
    assert (labels.data[1, 0:5, 0:5] == 5).all()
    assert (written.changed, written.erased) == ((3, 4), (3,))
    assert (labels.data[2, 0:2, 0:2] == 3).all()
    labels.undo()
    assert (labels.data[1, 0:2, 0:2] == 3).all()
    assert (labels.data[1, 3:8, 3:8] == 4).all()


def test_scores_belong_to_the_objects_that_are_written(model: ViewerModel) -> None:
    _, labels, plane = stack_with_labels(model)
    nothing = ObjectMask((0, 0), np.zeros((0, 0), bool), 0.1)
    masks = [square(0, 0, score=0.5), nothing, square(10, 10, score=0.7)]
    written = write_objects(labels, plane, masks)
    assert dict(zip(written.ids, written.scores, strict=True)) == {1: 0.5, 2: 0.7}


def test_a_refined_object_keeps_its_number_and_the_others_their_pixels(model: ViewerModel) -> None:
    _, labels, plane = stack_with_labels(model)
    labels.data[1, 0:6, 0:6] = 7
    labels.data[1, 0:6, 8:12] = 2
    labels.data[0, 0:6, 0:6] = 7
    before = labels.data.copy()
    refined = replace_object(labels, plane, pick_object(labels, plane, 7), square(2, 2, 8))
    assert (refined.id, refined.removed, refined.erased) == (7, 20, ())
    np.testing.assert_array_equal(labels.data == 2, before == 2)
    wanted = np.zeros((20, 30), bool)
    wanted[2:10, 2:10] = True
    np.testing.assert_array_equal(labels.data[1] == 7, wanted & (before[1] != 2))
    np.testing.assert_array_equal(labels.data[0], before[0])
    assert refined.added == int(((labels.data[1] == 7) & (before[1] != 7)).sum())
    model.dims.set_current_step(0, 2)
    labels.undo()
    np.testing.assert_array_equal(labels.data, before)


def test_a_refined_object_overwrites_others_if_told_to(model: ViewerModel) -> None:
    _, labels, plane = stack_with_labels(model)
    labels.data[1, 0:6, 0:6] = 7
    labels.data[1, 0:2, 8:10] = 2
    picked = pick_object(labels, plane, 7)
    refined = replace_object(labels, plane, picked, square(0, 0, 10), OVERWRITE)
    assert (labels.data[1, 0:10, 0:10] == 7).all()
    assert (refined.changed, refined.erased) == ((2,), (2,))


def test_what_was_painted_since_it_was_picked_stays(model: ViewerModel) -> None:
    _, labels, plane = stack_with_labels(model)
    labels.data[1, 0:6, 0:6] = 7
    picked = pick_object(labels, plane, 7)
    labels.data[1, 15, 15] = 7
    replace_object(labels, plane, picked, square(0, 0, 3))
    assert labels.data[1, 15, 15] == 7
    assert labels.data[1, 5, 5] == 0


def test_a_refined_mask_that_leaves_nothing_is_refused(model: ViewerModel) -> None:
    _, labels, plane = stack_with_labels(model)
    labels.data[1, 0:6, 0:6] = 7
    labels.data[1, 10:16, 10:16] = 2
    picked = pick_object(labels, plane, 7)
    with pytest.raises(LabelsError, match="nothing would be left of object 7"):
        replace_object(labels, plane, picked, square(11, 11))
    assert (labels.data[1, 0:6, 0:6] == 7).all()


def test_erasing_takes_an_object_out_of_the_given_parts_alone(model: ViewerModel) -> None:
    _, labels, plane = stack_with_labels(model)
    labels.data[:, 0:6, 0:6] = 7
    labels.data[:, 8, 8] = 2
    assert erase_object(labels, 7, [plane.index]) == 36
    assert [np.count_nonzero(step == 7) for step in labels.data] == [36, 0, 36]
    assert erase_object(labels, 7, [EVERYWHERE]) == 72
    assert (labels.data == 7).sum() == 0
    assert (labels.data[:, 8, 8] == 2).all()
    labels.undo()
    labels.undo()
    assert (labels.data == 7).sum() == 3 * 36
    assert erase_object(labels, 9, [EVERYWHERE]) == 0


@pytest.mark.parametrize(
    "dtype", ["uint8", "int8", "uint16", "int16", "uint32", "int32", "int64", "uint64"]
)
def test_every_integer_type_is_written_up_to_its_limit(model: ViewerModel, dtype: str) -> None:
    data = np.zeros(SHAPE, dtype)
    top = int(np.iinfo(dtype).max)
    data[1, 10:16, 10:16] = top - 1
    labels, plane = on_layer(model, data)
    assert write_objects(labels, plane, [square(0, 0)]).ids == (top,)
    assert (labels.data[1, 0:4, 0:4] == top).all()
    assert (labels.data[1, 10:16, 10:16] == top - 1).all()
    replace_object(labels, plane, pick_object(labels, plane, top), square(0, 0, 6))
    assert (labels.data[1] == top).sum() == 36
    with pytest.raises(LabelsError, match=f"holds {dtype}, up to {top}"):
        write_objects(labels, plane, [square(5, 20)])
    labels.undo()
    labels.undo()
    assert labels.data.dtype == dtype
    assert (labels.data == top).sum() == 0


def test_labels_on_zarr_are_written_refined_and_taken_back(
    model: ViewerModel, tmp_path: Path
) -> None:
    data = zarr.create_array(tmp_path / "a.zarr", shape=SHAPE, chunks=(1, 10, 10), dtype="uint32")
    labels, plane = on_layer(model, data)
    ids = ObjectIds()
    assert write_objects(labels, plane, [square(0, 0)], ids=ids).ids == (1,)
    model.dims.set_current_step(0, 2)
    replace_object(labels, plane, pick_object(labels, plane, 1), square(2, 2, 6))
    assert np.count_nonzero(np.asarray(data[1]) == 1) == 36
    assert not np.asarray(data[2]).any()
    assert erase_object(labels, 1, [plane.index]) == 36
    for count in (36, 16, 0):
        labels.undo()
        assert np.count_nonzero(np.asarray(data[1]) == 1) == count


@pytest.mark.parametrize("kind", ["dask", "read-only"])
def test_data_that_cannot_be_edited_are_refused_before_anything_changes(
    model: ViewerModel, kind: str
) -> None:
    data: Any = np.zeros(SHAPE, np.int32)
    data[1, 10:14, 10:14] = 3
    before = data.copy()
    if kind == "dask":
        data = dask.array.from_array(data, chunks=(1, 20, 30))
    else:
        data.flags.writeable = False
    labels, plane = on_layer(model, data)
    with pytest.raises(LabelsError, match="'mine' cannot be edited"):
        write_objects(labels, plane, [square(0, 0)])
    with pytest.raises(LabelsError, match="'mine' cannot be edited"):
        erase_object(labels, 3, [plane.index])
    np.testing.assert_array_equal(np.asarray(labels.data), before)
    labels.undo()
    np.testing.assert_array_equal(np.asarray(labels.data), before)
