"""The mask is drawn in place: the layer covers the plane, and only another plane moves it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from qtpy.QtCore import Qt

from napari_catsam.plugin.layers.new_layers import ObjectMask
from napari_catsam.plugin.layers.planes import locate_plane
from napari_catsam.plugin.live import mask_layer
from napari_catsam.plugin.live.mask_layer import MaskLayer
from tests.plugin.live.test_commands import make_stage  # noqa: F401

SHAPE = (3, 40, 60)


class Desk:
    """A stack, and the layer that shows masks on it."""

    def __init__(self, viewer: Any) -> None:
        self.viewer = viewer
        self.image = viewer.add_image(np.zeros(SHAPE, np.uint8), scale=(2, 1, 1), name="cells")
        self.mask = MaskLayer(viewer, self.image, {"own": True})
        self.look_at(1)

    def look_at(self, z: int) -> None:
        self.viewer.dims.set_current_step(0, z)
        self.plane = locate_plane(self.viewer, self.image)

    def show(self, row: int, column: int, side: int = 4) -> None:
        self.mask.show(self.plane, ObjectMask((row, column), np.ones((side, side), bool), 0.9))

    @property
    def box(self) -> Any:
        """First and last pixel that is shown, in the world."""
        layer = self.mask.layer
        at = np.argwhere(layer.data)
        return [layer.data_to_world(place) for place in (at.min(axis=0), at.max(axis=0))]


@pytest.fixture
def desk(viewer: Any) -> Desk:
    return Desk(viewer)


def test_masks_of_a_plane_share_one_array_and_one_place(desk: Desk) -> None:
    desk.show(5, 6)
    layer = desk.mask.layer
    data, affine = layer.data, np.array(layer.affine)
    assert data.shape == (1, 40, 60)
    np.testing.assert_allclose(desk.box, [(2, 5, 6), (2, 8, 9)])
    desk.show(20, 30, side=7)
    assert layer.data is data
    np.testing.assert_array_equal(layer.affine, affine)
    np.testing.assert_allclose(desk.box, [(2, 20, 30), (2, 26, 36)])
    assert data.sum() == 49


def test_another_plane_moves_the_layer(desk: Desk) -> None:
    desk.show(5, 6)
    desk.look_at(2)
    desk.show(20, 30)
    np.testing.assert_allclose(desk.box, [(4, 20, 30), (4, 23, 33)])
    assert desk.mask.layer.data.sum() == 16


def test_of_a_large_plane_it_covers_the_mask_alone(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mask_layer, "LARGEST_PLANE", 100)
    for row, column, side in ((5, 6, 4), (20, 30, 7)):
        desk.show(row, column, side)
        assert desk.mask.layer.data.shape == (1, side, side)
        last = (2, row + side - 1, column + side - 1)
        np.testing.assert_allclose(desk.box, [(2, row, column), last])


def test_without_a_mask_nothing_is_shown(desk: Desk) -> None:
    desk.show(5, 6)
    desk.mask.show(None, None)
    assert not desk.mask.layer.data.any()
    desk.show(5, 6)
    desk.mask.show(desk.plane, ObjectMask((0, 0), np.zeros((0, 0), bool), 0.1))
    assert not desk.mask.layer.data.any()


def test_the_mask_is_seen_on_the_canvas_until_it_is_cleared(make_stage: Any) -> None:  # noqa: F811
    stage = make_stage()

    def see(place: tuple[float, float]) -> Any:
        at = stage.at(place)
        picture = stage.window.screenshot(canvas_only=True, flash=False)
        return picture[at.y(), at.x(), :3].astype(int)

    inside, outside = (14, 20), (45, 70)
    for _ in range(2):
        stage.drag((10, 15), (30, 45))
        red, _, blue = see(inside)
        assert blue > red + 50
        assert not see(outside).any()
        stage.press(Qt.Key.Key_W)
        assert not see(inside).any()
