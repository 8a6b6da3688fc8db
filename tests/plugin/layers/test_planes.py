from __future__ import annotations

import numpy as np
import pytest
from napari.components import ViewerModel

from napari_catsam.errors import ImageError
from napari_catsam.plugin.channels.choice import ChannelChoice
from napari_catsam.plugin.layers.planes import locate_plane, pixel_size
from napari_catsam.types import Intensity


@pytest.fixture
def model() -> ViewerModel:
    return ViewerModel()


def test_the_plane_of_a_stack_is_the_one_that_is_shown(model: ViewerModel) -> None:
    stack = np.arange(4 * 5 * 6, dtype=np.uint16).reshape(4, 5, 6)
    layer = model.add_image(stack, scale=(3, 1, 1))
    model.dims.set_current_step(0, 2)
    plane = locate_plane(model, layer)
    assert plane.size == (5, 6)
    assert plane.position == ((0, 2),)
    np.testing.assert_array_equal(plane.read(), stack[2])


def test_a_rolled_view_reads_the_axes_that_are_shown(model: ViewerModel) -> None:
    stack = np.arange(4 * 5 * 6, dtype=np.uint16).reshape(4, 5, 6)
    layer = model.add_image(stack)
    model.dims.order = (1, 0, 2)
    model.dims.set_current_step(1, 3)
    plane = locate_plane(model, layer)
    assert plane.axes == (0, 2)
    np.testing.assert_array_equal(plane.read(), stack[:, 3])


def test_the_time_axis_of_another_layer_is_none_of_this_image(model: ViewerModel) -> None:
    model.add_image(np.zeros((7, 5, 6)))
    layer = model.add_image(np.ones((5, 6), np.uint8))
    model.dims.set_current_step(0, 4)
    assert locate_plane(model, layer).position == ()


def test_what_the_contrast_limits_show_is_what_the_model_sees(model: ViewerModel) -> None:
    layer = model.add_image(np.linspace(0, 4095, 30).reshape(5, 6), contrast_limits=(100, 900))
    intensity = locate_plane(model, layer).intensity
    assert (intensity.mode, intensity.low, intensity.high) == ("limits", 100, 900)


@pytest.mark.parametrize(("dtype", "high"), [(np.uint8, 255), (np.uint16, 4095), (np.float32, 1)])
def test_rgb_is_read_by_its_contrast_limits_too(
    model: ViewerModel, dtype: type, high: float
) -> None:
    data = np.zeros((2, 5, 6, 3), dtype)
    layer = model.add_image(data, rgb=True, contrast_limits=(0, high))
    plane = locate_plane(model, layer)
    assert plane.read().shape == (5, 6, 3)
    assert plane.intensity == Intensity("limits", 0, high)


def test_a_pyramid_is_read_at_full_resolution(model: ViewerModel) -> None:
    layer = model.add_image([np.zeros((64, 32)), np.zeros((32, 16))], multiscale=True)
    assert locate_plane(model, layer).size == (64, 32)


def test_the_3d_view_is_refused_in_one_sentence(model: ViewerModel) -> None:
    layer = model.add_image(np.zeros((4, 5, 6)))
    model.dims.ndisplay = 3
    with pytest.raises(ImageError, match="switch to the 2D view"):
        locate_plane(model, layer)


def test_an_axis_that_the_image_lacks_is_refused(model: ViewerModel) -> None:
    model.add_image(np.zeros((7, 5, 6)))
    layer = model.add_image(np.zeros((5, 6)), name="flat")
    model.dims.order = (1, 0, 2)
    with pytest.raises(ImageError, match="'flat' does not have; roll the axes back"):
        locate_plane(model, layer)


def test_a_projection_of_several_planes_is_refused(model: ViewerModel) -> None:
    layer = model.add_image(np.zeros((7, 5, 6)), projection_mode="max")
    assert locate_plane(model, layer).size == (5, 6)
    model.dims.thickness = (4, 1, 1)
    with pytest.raises(ImageError, match=r"the max of several planes .* projection mode to none"):
        locate_plane(model, layer)


def test_the_same_channels_in_another_order_are_another_version(model: ViewerModel) -> None:
    first, second = (model.add_image(np.zeros((5, 6)), contrast_limits=(0, 1)) for _ in range(2))
    picks = (first.unique_id, second.unique_id, None)
    there = locate_plane(model, first, ChannelChoice(picks))
    back = locate_plane(model, first, ChannelChoice((picks[1], picks[0], None)))
    assert there.version != back.version
    assert there.version == locate_plane(model, first, ChannelChoice(picks)).version


@pytest.mark.filterwarnings("ignore:Non-orthogonal slicing")  # napari says so too
def test_an_oblique_cut_is_refused(model: ViewerModel) -> None:
    layer = model.add_image(np.zeros((4, 5, 6)), rotate=_turn_about_last_axis(0.3))
    with pytest.raises(ImageError, match="obliquely"):
        locate_plane(model, layer)


def test_a_rotation_within_the_plane_is_fine(model: ViewerModel) -> None:
    layer = model.add_image(np.zeros((5, 6)), rotate=30)
    assert locate_plane(model, layer).size == (5, 6)


def test_a_view_beside_the_image_is_refused(model: ViewerModel) -> None:
    layer = model.add_image(np.zeros((4, 5, 6)), name="short")
    model.add_image(np.zeros((9, 5, 6)))
    model.dims.set_current_step(0, 7)
    with pytest.raises(ImageError, match="'short' has only 0 to 3"):
        locate_plane(model, layer)


def test_pixel_size_is_that_of_the_shown_axes(model: ViewerModel) -> None:
    layer = model.add_image(np.zeros((4, 5, 6)), scale=(9, 0.5, 0.25))
    assert pixel_size(layer, locate_plane(model, layer)) == (0.5, 0.25)


def _turn_about_last_axis(angle: float) -> np.ndarray:
    cos, sin = np.cos(angle), np.sin(angle)
    return np.array([[cos, -sin, 0], [sin, cos, 0], [0, 0, 1]])


def test_an_image_that_is_not_in_the_viewer_any_more_is_refused(model: ViewerModel) -> None:
    image = model.add_image(np.zeros((3, 40, 60)))
    model.layers.remove(image)
    with pytest.raises(ImageError, match="not in the viewer any more"):
        locate_plane(model, image)
