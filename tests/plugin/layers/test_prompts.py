from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from napari.components import ViewerModel

from napari_catsam.plugin.layers.planes import locate_plane
from napari_catsam.plugin.layers.prompts import PromptSet, read_prompts

SIZE = (40, 60)
# Around the pixels of rows 10..19 and columns 20..39, as napari draws them.
RECTANGLE = np.array([[9.5, 19.5], [9.5, 39.5], [19.5, 39.5], [19.5, 19.5]])
BOX = [10, 20, 20, 40]


@pytest.fixture
def model() -> ViewerModel:
    return ViewerModel()


def read(model: ViewerModel, image: Any, shapes: Any = None, points: Any = None) -> PromptSet:
    return read_prompts(model, image, locate_plane(model, image), shapes, points)


def test_a_rectangle_around_pixels_is_their_tight_box(model: ViewerModel) -> None:
    image = model.add_image(np.zeros(SIZE))
    shapes = model.add_shapes([RECTANGLE], shape_type="rectangle")
    np.testing.assert_allclose(read(model, image, shapes).boxes, [BOX], atol=1e-4)


PLACEMENTS: list[dict[str, Any]] = [
    {},
    {"scale": (2, 0.5)},
    {"translate": (-30, 7)},
    {"scale": (3, 3), "translate": (5, 5)},
]


@pytest.mark.parametrize("of_image", PLACEMENTS)
@pytest.mark.parametrize("of_shapes", PLACEMENTS)
def test_a_box_in_the_world_is_the_same_box_whatever_the_transforms(
    model: ViewerModel, of_image: dict[str, Any], of_shapes: dict[str, Any]
) -> None:
    image = model.add_image(np.zeros(SIZE), **of_image)
    shapes = model.add_shapes(ndim=2, **of_shapes)
    world = [image.data_to_world(vertex) for vertex in RECTANGLE]
    shapes.add_rectangles(np.array([shapes.world_to_data(vertex) for vertex in world]))
    found = read(model, image, shapes)
    np.testing.assert_allclose(found.boxes, [BOX], atol=1e-3)


def test_a_rectangle_turned_against_the_pixels_is_an_outline(model: ViewerModel) -> None:
    image = model.add_image(np.zeros(SIZE), rotate=30)
    shapes = model.add_shapes([RECTANGLE], shape_type="rectangle")
    found = read(model, image, shapes)
    assert len(found.boxes) == 0
    assert len(found.outlines) == 1


def test_polygons_and_ellipses_give_their_mask_and_their_box(model: ViewerModel) -> None:
    image = model.add_image(np.zeros(SIZE))
    shapes = model.add_shapes(ndim=2)
    shapes.add_polygons(np.array([[10, 20], [10, 40], [30, 30]]))
    shapes.add_ellipses(RECTANGLE)
    triangle, ellipse = next(iter(read(model, image, shapes).batches(SIZE, 10))).masks
    assert triangle[12, 30]
    assert not triangle[28, 22]
    assert ellipse[15, 29]
    assert not ellipse[10, 20]


def test_shapes_on_other_slices_are_not_read(model: ViewerModel) -> None:
    image = model.add_image(np.zeros((5, *SIZE)), scale=(2, 1, 1))
    on_slice = [np.column_stack([np.full(4, z), RECTANGLE]) for z in (1, 3)]
    shapes = model.add_shapes(on_slice, shape_type="rectangle", scale=(2, 1, 1))
    points = model.add_points([[3, 5, 6], [1, 7, 8], [3, 9, 9]], scale=(2, 1, 1))
    model.dims.set_current_step(0, 3)
    found = read(model, image, shapes, points)
    np.testing.assert_allclose(found.boxes, [BOX], atol=1e-4)
    np.testing.assert_allclose(found.points, [[5, 6], [9, 9]])


def test_a_flat_shapes_layer_counts_on_the_slice_that_is_shown(model: ViewerModel) -> None:
    image = model.add_image(np.zeros((5, *SIZE)))
    shapes = model.add_shapes([RECTANGLE], shape_type="rectangle")
    model.dims.set_current_step(0, 4)
    assert len(read(model, image, shapes)) == 1


def test_each_point_is_one_object(model: ViewerModel) -> None:
    image = model.add_image(np.zeros(SIZE))
    points = model.add_points([[5, 6], [7, 8]])
    prompts = next(iter(read(model, image, None, points).batches(SIZE, 10)))
    np.testing.assert_array_equal(prompts.points, [[[5, 6]], [[7, 8]]])
    np.testing.assert_array_equal(prompts.labels, [[1], [1]])


@pytest.mark.parametrize("values", [[1, 0, 1], ["positive", "negative", "positive"]])
def test_the_label_feature_makes_points_negative(model: ViewerModel, values: list[Any]) -> None:
    image = model.add_image(np.zeros(SIZE))
    points = model.add_points([[5, 6], [7, 8], [9, 9]], features={"label": values})
    prompts = next(iter(read(model, image, None, points).batches(SIZE, 10)))
    np.testing.assert_array_equal(prompts.points, [[[5, 6], [7, 8]], [[9, 9], [7, 8]]])
    np.testing.assert_array_equal(prompts.labels, [[1, 0], [1, 0]])


def test_what_lies_outside_is_counted_and_the_rest_is_read(model: ViewerModel) -> None:
    image = model.add_image(np.zeros(SIZE))
    shapes = model.add_shapes([RECTANGLE, RECTANGLE + 100], shape_type="rectangle")
    shapes.add_lines(np.array([[1, 1], [9, 90]]))
    points = model.add_points([[5, 6], [700, 8]])
    found = read(model, image, shapes, points)
    assert (len(found), found.left_out) == (2, 3)


def test_a_box_over_the_border_is_cut_to_the_image(model: ViewerModel) -> None:
    image = model.add_image(np.zeros(SIZE))
    shapes = model.add_shapes([RECTANGLE - [20, 0]], shape_type="rectangle")
    assert read(model, image, shapes).left_out == 1
    shapes = model.add_shapes([RECTANGLE - [15, 0]], shape_type="rectangle")
    np.testing.assert_allclose(read(model, image, shapes).boxes, [[0, 20, 5, 40]], atol=1e-4)


def test_many_objects_come_in_batches(model: ViewerModel) -> None:
    found = PromptSet(boxes=np.array([BOX] * 5, float), points=np.zeros((3, 2)))
    assert [len(prompts) for prompts in found.batches(SIZE, 2)] == [2, 2, 1, 2, 1]


DIAMOND = np.array([[5, 30], [20, 40], [35, 30], [20, 20]], float)


def test_each_kind_of_shape_is_one_object(model: ViewerModel) -> None:
    image = model.add_image(np.zeros(SIZE))
    shapes = model.add_shapes(ndim=2)
    shapes.add_rectangles(RECTANGLE)
    shapes.add_ellipses(RECTANGLE)
    shapes.add_polygons(DIAMOND)
    shapes.add_paths(DIAMOND[[0, 1, 2, 3, 0]])
    shapes.add_paths(np.array([[5.0, 5], [5, 25], [15, 25]]))
    shapes.add_lines(np.array([[2, 2], [32, 2]]))
    found = read(model, image, shapes)
    counts = (len(found.boxes), len(found.outlines), len(found.strokes), len(found), found.left_out)
    assert counts == (1, 3, 2, 6, 0)
    assert sum(len(prompts) for prompts in found.batches(SIZE, 2)) == 6


def test_a_path_whose_ends_nearly_meet_is_its_inside(model: ViewerModel) -> None:
    image = model.add_image(np.zeros(SIZE))
    shapes = model.add_shapes(ndim=2)
    almost = np.concatenate([DIAMOND, [[7, 28.5]]])
    shapes.add_paths(almost)
    (prompts,) = read(model, image, shapes).batches(SIZE, 10)
    (mask,), (box,) = np.asarray(prompts.masks), np.asarray(prompts.boxes)
    assert mask[20, 30]
    assert not mask[6, 22]
    np.testing.assert_allclose(box, [5.5, 20.5, 35.5, 40.5])


def test_a_line_is_three_clicks_along_it(model: ViewerModel) -> None:
    image = model.add_image(np.zeros(SIZE))
    shapes = model.add_shapes(ndim=2)
    shapes.add_lines(np.array([[2, 4], [32, 4]]))
    (prompts,) = read(model, image, shapes).batches(SIZE, 10)
    np.testing.assert_allclose(prompts.points, [[[7, 4], [17, 4], [27, 4]]])
    np.testing.assert_array_equal(prompts.labels, [[1, 1, 1]])


def test_scribbles_of_different_length_share_a_batch_with_the_negative_points(
    model: ViewerModel,
) -> None:
    image = model.add_image(np.zeros(SIZE))
    shapes = model.add_shapes(ndim=2)
    shapes.add_paths(np.array([[2.0, 2], [2, 12], [2, 22]]))
    shapes.add_paths(np.array([[5.0, 0], [5, 50], [35, 50]]))
    points = model.add_points([[39, 1]], features={"label": [0]})
    (prompts,) = read(model, image, shapes, points).batches(SIZE, 10)
    np.testing.assert_array_equal(prompts.labels, [[1, 1, 1, -1, 0], [1, 1, 1, 1, 0]])
    np.testing.assert_allclose(np.asarray(prompts.points)[:, -1], [[39, 1], [39, 1]])
    np.testing.assert_allclose(np.asarray(prompts.points)[1, 3], [25, 50])


def test_a_scribble_that_leaves_the_image_is_left_out(model: ViewerModel) -> None:
    image = model.add_image(np.zeros(SIZE))
    shapes = model.add_shapes(ndim=2)
    shapes.add_paths(np.array([[5.0, 5], [5, 40], [5, 90]]))
    found = read(model, image, shapes)
    assert (len(found), found.left_out) == (0, 1)
