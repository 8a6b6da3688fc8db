"""A box in the world gives the same mask, whatever form the image has and wherever it lies."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from napari.components import ViewerModel
from napari.layers import Labels

from napari_catsam.plugin.commands import Commands
from napari_catsam.plugin.device.jobs import DeviceQueue
from napari_catsam.plugin.layers.new_layers import fits, placement
from napari_catsam.plugin.layers.transforms import data_to_world
from napari_catsam.plugin.session import Session
from napari_catsam.types import Intensity, Masks, Prompts
from tests.plugin.conftest import WAIT, FakeLibrary, FakePredictor
from tests.plugin.scenes import (
    FORMS,
    PLACEMENTS,
    Scene,
    expected_mask,
    make_rolled_scene,
    make_scene,
)


@dataclass
class BrightPredictor(FakePredictor):
    """Finds what is bright inside of a box, in what the model gets to see."""

    def embed(self, image: Any, intensity: Intensity | None = None) -> Any:
        assert intensity is not None
        return intensity.apply(image)[..., 0] > 127

    def predict(self, embedding: Any, prompts: Prompts) -> Masks:
        mask = super().predict(embedding.shape, prompts)
        return Masks(mask.masks & embedding, mask.scores, mask.logits)

    def predict_readings(self, embedding: Any, prompts: Prompts) -> Masks:
        return self.predict(embedding, Prompts(boxes=prompts.boxes))


@dataclass
class Desk:
    """What a widget has, without its window."""

    viewer: ViewerModel
    session: Session
    queue: DeviceQueue
    commands: Commands
    qtbot: Any

    def settle(self) -> None:
        while self.queue.busy:
            with self.qtbot.waitSignal(self.queue.busy_changed, timeout=WAIT):
                pass

    def segment(self, scene: Scene, shapes: Any) -> Labels:
        self.session.channels = scene.channels
        self.commands.segment(scene.image, shapes, None)
        self.settle()
        return self.labels

    def drag(self, scene: Scene, units: float = 1) -> Labels:
        """Drag a box with the mouse from corner to corner, and accept what comes."""
        self.session.channels = scene.channels
        self.commands.live.start(scene.image)
        start, _, end, _ = scene.corners * units
        layer = self.viewer.layers["object prompts"]
        event = SimpleNamespace(
            type="mouse_press", button=1, modifiers=(), pos=np.zeros(2), position=tuple(start)
        )
        gestures = [callback(layer, event) for callback in layer.mouse_drag_callbacks]
        for kind in ("mouse_move", "mouse_release"):
            for gesture in gestures:
                next(gesture, None)
            event.type, event.pos, event.position = kind, np.array([90, 90]), tuple(end)
        for gesture in gestures:
            assert next(gesture, None) is None
        self.settle()
        self.commands.live.accept()
        self.commands.live.stop()
        return self.labels

    @property
    def labels(self) -> Labels:
        assert "picture masks" in self.viewer.layers, self.session.note
        return self.viewer.layers["picture masks"]


@pytest.fixture
def desk(viewer: ViewerModel, qtbot: Any) -> Iterator[Desk]:
    library = FakeLibrary()
    library.predictors["vit_nano"] = BrightPredictor("vit_nano")
    session, queue = Session(library=library), DeviceQueue()
    yield Desk(viewer, session, queue, Commands(viewer, session, queue), qtbot)
    queue.close()


def check(labels: Labels, scene: Scene) -> None:
    """Check the mask, that it is nowhere else, and that its pixels lie on those of the image."""
    np.testing.assert_array_equal(labels.data[scene.index] != 0, expected_mask())
    assert np.count_nonzero(labels.data) == expected_mask().sum()
    assert data_to_world(labels).close_to(data_to_world(scene.image))
    assert tuple(labels.units) == tuple(scene.image.units)


Make = Callable[[ViewerModel, str], Scene]


def place(name: str) -> Make:
    """Return what adds the picture in a form, at a place."""
    if name == "rolled":
        return make_rolled_scene

    def make(viewer: ViewerModel, form: str) -> Scene:
        ndim = 2 + FORMS[form].sliders
        return make_scene(viewer, form, PLACEMENTS[name](ndim))

    return make


ALL_PLACES = [*PLACEMENTS, "rolled"]
CELLS = [(form, where) for form in FORMS for where in ALL_PLACES]
DRAGGED = [cell for cell in CELLS if cell[0] == "time and depth" or cell[1] in ("all", "rolled")]


@pytest.mark.parametrize(("form", "where"), CELLS)
def test_a_box_drawn_in_the_world_gives_the_same_mask(desk: Desk, form: str, where: str) -> None:
    scene = place(where)(desk.viewer, form)
    shapes = scene.draw_box(units=scene.image.units)
    check(desk.segment(scene, shapes), scene)


@pytest.mark.parametrize(("form", "where"), DRAGGED)
def test_a_box_dragged_on_the_canvas_gives_the_same_mask(desk: Desk, form: str, where: str) -> None:
    scene = place(where)(desk.viewer, form)
    check(desk.drag(scene), scene)


@pytest.mark.parametrize("where", PLACEMENTS)
def test_a_box_in_a_layer_that_lies_on_the_image_gives_the_same_mask(
    desk: Desk, where: str
) -> None:
    scene = place(where)(desk.viewer, "time and depth")
    check(desk.segment(scene, scene.draw_box(**placement(scene.image))), scene)


@pytest.mark.parametrize("where", ["affine", "rolled"])
def test_labels_chosen_before_get_the_mask_in_the_same_place(desk: Desk, where: str) -> None:
    scene = place(where)(desk.viewer, "time and depth")
    shape = scene.image.data.shape
    target = desk.viewer.add_labels(np.zeros(shape, np.uint16), **placement(scene.image))
    desk.commands.segment(scene.image, scene.draw_box(), None, target)
    desk.settle()
    check(target, scene)


@pytest.mark.parametrize("form", ["gray", "time and depth"])
@pytest.mark.parametrize("way", ["drawn", "dragged"])
def test_layers_in_other_units_of_length_lie_where_napari_draws_them(
    desk: Desk, form: str, way: str
) -> None:
    ndim = 2 + FORMS[form].sliders
    placed = {"scale": [0.25] * (ndim - 2) + [0.002, 0.003], "units": ["millimeter"] * ndim}
    scene = make_scene(desk.viewer, form, placed)
    # With a layer in micrometres the world is in micrometres, and so are mouse and sliders.
    shapes = desk.viewer.add_shapes([scene.corners * 1000], ndim=ndim, units=["micrometer"] * ndim)
    for axis, step in scene.steps.items():
        desk.viewer.dims.set_point(axis, step * 250)
    if way == "drawn":
        check(desk.segment(scene, shapes), scene)
    else:
        check(desk.drag(scene, units=1000), scene)


def test_labels_in_another_unit_of_length_fit_where_they_lie_on_the_image(desk: Desk) -> None:
    scene = make_scene(desk.viewer, "gray", {"scale": (0.002, 0.003), "units": ("mm", "mm")})
    blank = np.zeros(scene.image.data.shape, np.uint8)
    there = desk.viewer.add_labels(blank, scale=(2, 3), units=("um", "um"))
    elsewhere = desk.viewer.add_labels(blank, scale=(0.002, 0.003), units=("um", "um"))
    assert fits(there, scene.image)
    assert not fits(elsewhere, scene.image)
