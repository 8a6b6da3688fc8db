from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from napari.components import ViewerModel

from napari_catsam.errors import ImageError
from napari_catsam.plugin.adapt.looking import Outlook
from napari_catsam.plugin.adapt.preview import PreviewWish
from napari_catsam.plugin.channels.choice import (
    ChannelChoice,
    list_channel_axes,
    list_channel_layers,
    read_intensity,
)
from napari_catsam.plugin.device.engine import Engine, ModelChoice, ShotSource
from napari_catsam.plugin.layers.planes import Plane, locate_plane
from napari_catsam.plugin.layers.prompts import PromptSet
from napari_catsam.types import Intensity
from tests.plugin.conftest import FakeLibrary

BASE = ModelChoice("vit_nano", "auto")
RAMP = np.arange(30, dtype=np.uint16).reshape(5, 6) * 100


def seen(plane: Plane) -> Any:
    """Return what the model sees of a plane, (H, W, 3)."""
    return plane.intensity.apply(plane.read())


def test_a_layer_without_gamma_is_read_as_it_is(viewer: ViewerModel) -> None:
    layer = viewer.add_image(RAMP, contrast_limits=(0, 1000))
    plane = locate_plane(viewer, layer)
    assert plane.read().dtype == np.uint16
    assert plane.intensity == Intensity("limits", 0, 1000)


@pytest.mark.parametrize("gamma", [0.4, 2.0])
def test_gamma_is_applied_as_napari_draws_it(viewer: ViewerModel, gamma: float) -> None:
    layer = viewer.add_image(RAMP, contrast_limits=(500, 2000), gamma=gamma)
    expected = 255 * np.clip((RAMP.astype(float) - 500) / 1500, 0, 1) ** gamma
    np.testing.assert_allclose(seen(locate_plane(viewer, layer))[..., 1], expected, atol=1e-3)


def test_gamma_of_a_colour_image_is_applied_to_each_colour(viewer: ViewerModel) -> None:
    layer = viewer.add_image(np.full((5, 6, 4), 51, np.uint8), rgb=True, gamma=2)
    np.testing.assert_allclose(seen(locate_plane(viewer, layer)), 255 * 0.2**2, atol=1e-3)


@pytest.mark.parametrize(
    ("colormap", "inverted"),
    [("gray", False), ("magma", False), ("HiLo", False), ("twilight", False), ("gray_r", True),
     ("I Blue", True)],
)  # fmt: skip
def test_a_colormap_from_bright_to_dark_inverts(
    viewer: ViewerModel, colormap: str, inverted: bool
) -> None:
    layer = viewer.add_image(RAMP, contrast_limits=(0, 1000), colormap=colormap)
    intensity = read_intensity(layer)
    assert (intensity.low, intensity.high) == ((1000, 0) if inverted else (0, 1000))


def test_channels_are_layers_with_their_own_limits_and_gamma(viewer: ViewerModel) -> None:
    red = viewer.add_image(RAMP, contrast_limits=(0, 2900))
    green = viewer.add_image(RAMP, contrast_limits=(0, 1450), colormap="gray_r", gamma=2)
    image = seen(locate_plane(viewer, red, ChannelChoice((red.unique_id, green.unique_id, None))))
    np.testing.assert_allclose(image[..., 0], RAMP / 2900 * 255, atol=1e-3)
    np.testing.assert_allclose(image[..., 1], np.clip(RAMP / 1450, 0, 1) ** 2 * 255, atol=1e-3)
    assert not image[..., 2].any()


def test_channels_are_positions_along_an_axis(viewer: ViewerModel) -> None:
    stack = np.arange(4 * 3 * 5 * 6, dtype=np.uint16).reshape(4, 3, 5, 6)
    layer = viewer.add_image(stack, contrast_limits=(0, 255))
    viewer.dims.set_current_step(0, 2)
    viewer.dims.set_current_step(1, 1)
    plane = locate_plane(viewer, layer, ChannelChoice((2, None, 0), axis=1))
    image = seen(plane)
    np.testing.assert_allclose(image[..., 0], stack[2, 2].clip(0, 255))
    assert not image[..., 1].any()
    np.testing.assert_allclose(image[..., 2], stack[2, 0].clip(0, 255))
    assert plane.position == ((0, 2), (1, 1))


def test_layers_that_lie_on_the_image_are_offered(viewer: ViewerModel) -> None:
    image = viewer.add_image(RAMP, scale=(2, 2))
    beside = viewer.add_image(RAMP.astype(float), scale=(2, 2))
    viewer.add_image(RAMP)
    viewer.add_image(RAMP[:4], scale=(2, 2))
    viewer.add_image(np.zeros((5, 6, 3), np.uint8), rgb=True, scale=(2, 2))
    viewer.add_labels(RAMP.astype(int), scale=(2, 2))
    assert list_channel_layers(viewer.layers, image) == [image, beside]


def test_axes_with_a_slider_are_offered(viewer: ViewerModel) -> None:
    layer = viewer.add_image(np.zeros((3, 1, 5, 6)))
    assert list_channel_axes(layer, (2, 3)) == [0]
    assert list_channel_axes(layer, (0, 3)) == [2]
    colour = viewer.add_image(np.zeros((7, 5, 6, 3), np.uint8), rgb=True)
    assert list_channel_axes(colour, (1, 2)) == []


def test_a_channel_that_was_removed_or_moved_is_refused(viewer: ViewerModel) -> None:
    image, other = viewer.add_image(RAMP), viewer.add_image(RAMP, name="other")
    choice = ChannelChoice((image.unique_id, other.unique_id, None))
    other.scale = (2, 2)
    with pytest.raises(ImageError, match=r"'other' \(green\) does not lie on 'RAMP'"):
        locate_plane(viewer, image, choice)
    viewer.layers.remove(other)
    with pytest.raises(ImageError, match="the layer for green was removed; choose another"):
        locate_plane(viewer, image, choice)


@pytest.mark.parametrize(
    ("choice", "message"),
    [
        (ChannelChoice((None, None, None)), "no channel is chosen; choose one"),
        (ChannelChoice((0, 3, None), axis=0), "has 3 channels along axis 0, none with number 3"),
        (ChannelChoice((0, 1, 2), axis=1), "the view shows it as rows or columns"),
        (ChannelChoice((0, 1, 2), axis=5), "axis 5 of 'stack' is to give the channels"),
    ],
)
def test_channels_that_are_not_there_are_refused(
    viewer: ViewerModel, choice: ChannelChoice, message: str
) -> None:
    layer = viewer.add_image(np.zeros((3, 5, 6)), name="stack")
    with pytest.raises(ImageError, match=message):
        locate_plane(viewer, layer, choice)


def run(steps: Any) -> Any:
    while True:
        try:
            next(steps)
        except StopIteration as end:
            return end.value


def test_other_channels_gamma_or_limits_are_embedded_anew_and_no_others(
    viewer: ViewerModel, library: FakeLibrary
) -> None:
    image, other = (viewer.add_image(RAMP + n, contrast_limits=(0, 2900)) for n in (0, 9))
    picks = (image.unique_id, other.unique_id, None)
    engine, prompts = Engine(library), PromptSet(boxes=np.array([[1.0, 1, 4, 4]]))
    embedded = library.predictors["vit_nano"].embedded

    def count(choice: ChannelChoice) -> int:
        plane = locate_plane(viewer, image, choice)
        run(engine.segment(ModelChoice("vit_nano", "auto"), plane, prompts))
        return len(embedded)

    assert count(ChannelChoice()) == 1
    assert count(ChannelChoice(picks)) == 2
    assert count(ChannelChoice((picks[1], picks[0], None))) == 3
    assert count(ChannelChoice(picks)) == 3
    other.gamma = 0.5
    assert count(ChannelChoice(picks)) == 4
    other.contrast_limits = (0, 100)
    assert count(ChannelChoice(picks)) == 5
    assert count(ChannelChoice()) == 5
    image.gamma = 0.5
    assert count(ChannelChoice()) == 6


def test_shots_are_of_the_chosen_channels(viewer: ViewerModel) -> None:
    stack = np.arange(3 * 4 * 5 * 6, dtype=np.uint16).reshape(3, 4, 5, 6)
    image = viewer.add_image(stack, contrast_limits=(0, 400))
    other = viewer.add_image(stack + 5, contrast_limits=(0, 800))
    labels = np.zeros(stack.shape, int)
    labels[1, 2, :2, :2] = labels[2, 0, :2, :2] = 1
    choice = ChannelChoice((image.unique_id, other.unique_id, None))
    plane = locate_plane(viewer, image, choice)
    shots = ShotSource(plane, labels, (1.0, 1.0)).read()
    assert len(shots) == 2
    expected = np.stack([stack[1, 2] / 400, (stack[1, 2] + 5) / 800, np.zeros((5, 6))], -1) * 255
    np.testing.assert_allclose(np.asarray(shots[0].image), expected, atol=1e-3)


def test_masks_on_any_channel_of_an_axis_make_one_shot(viewer: ViewerModel) -> None:
    stack = np.arange(3 * 4 * 5 * 6, dtype=np.uint16).reshape(3, 4, 5, 6)
    image = viewer.add_image(stack, contrast_limits=(0, 400))
    labels = np.zeros(stack.shape, int)
    labels[0, 2, :2, :2], labels[1, 2, 3:, 3:] = 1, 2
    plane = locate_plane(viewer, image, ChannelChoice((0, 1, 2), axis=0))
    (shot,) = ShotSource(plane, labels, (1.0, 1.0)).read()
    assert set(np.unique(np.asarray(shot.masks))) == {0, 1, 2}
    np.testing.assert_allclose(np.asarray(shot.image)[..., 2], stack[2, 2] / 400 * 255, atol=1e-3)


@pytest.mark.parametrize("axis", [0, 2])
def test_masks_on_any_channel_are_previewed_and_known_when_looking_for_more(
    viewer: ViewerModel, axis: int
) -> None:
    image = viewer.add_image(np.zeros((3, 20, 3, 30), np.uint8), contrast_limits=(0, 255))
    viewer.dims.order = (0, 2, 1, 3)
    labels = np.zeros(image.data.shape, int)
    first, second = labels[0, :, 0], labels[2, :, 0] if axis == 0 else labels[0, :, 2]
    first[:5, :6], second[10:15, 10:20] = 1, 2
    viewer.dims.set_current_step(0, 0)
    viewer.dims.set_current_step(2, 0)
    plane = locate_plane(viewer, image, ChannelChoice((0, 1, 2), axis=axis))
    prompts = PreviewWish(plane, labels=labels).read_prompts()
    assert prompts is not None
    np.testing.assert_array_equal(prompts.boxes, [[0, 0, 5, 6], [10, 10, 15, 20]])
    known = Outlook(plane, labels, BASE, None).read_labels(plane)
    np.testing.assert_array_equal(known, first + second)
