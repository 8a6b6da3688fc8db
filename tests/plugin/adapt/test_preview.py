"""What the model in training makes of the plane that is shown, on the canvas while it trains."""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator
from typing import Any

import numpy as np
import pytest

from napari_catsam.plugin.adapt import training
from napari_catsam.plugin.adapt.boxes import list_boxes
from napari_catsam.plugin.adapt.preview import PreviewWish, TrainingPreview
from napari_catsam.plugin.adapt.preview_layer import NAME, draw_objects
from napari_catsam.plugin.layers.planes import Plane
from napari_catsam.plugin.live.prompt import LivePrompt
from napari_catsam.types import Intensity, Progress, Prompts
from tests.plugin.conftest import FakePredictor

WAIT = 10_000


class Trainee:
    """Trains until it is told to end, and shows its values after every step."""

    def __init__(self, library: Any) -> None:
        self.library, self.end, self.drawn = library, threading.Event(), 0
        library.fit = self.fit

    def fit(
        self, model: str, shots: Any, *, preview: Any, **config: Any
    ) -> Generator[Progress, bool | None, Any]:
        for step in range(10_000):
            if (yield Progress(step, 10_000, 0.1, 0.5, 0.5, 0.6, "training")) or self.end.is_set():
                break
            if preview.due:
                self.drawn += 1
                yield Progress(step, 10_000, 0.1, preview=preview.draw("in training"))
            self.end.wait(0.005)
        return self.library.adapter


@pytest.fixture
def trainee(widget: Any, library: Any, monkeypatch: pytest.MonkeyPatch) -> Trainee:
    for name in ("show_info", "show_warning"):
        monkeypatch.setattr(training, name, lambda text: None)
    widget.commands.training.preview = TrainingPreview(library.predictor, pause=0.0)
    return Trainee(library)


@pytest.fixture
def cells(viewer: Any, widget: Any) -> Any:
    """Give the widget a stack of three slices with masks on the first."""
    viewer.add_image(np.zeros((3, 40, 60), np.uint8), name="cells", scale=(4.0, 1.0, 1.0))
    masks = np.zeros((3, 40, 60), int)
    masks[0, 4:10, 6:16], masks[0, 20:30, 30:50] = 1, 2
    labels = viewer.add_labels(masks, name="masks", scale=(4.0, 1.0, 1.0))
    viewer.dims.set_current_step(0, 0)
    return labels


def find_preview(viewer: Any) -> Any:
    return next((layer for layer in viewer.layers if layer.name == NAME), None)


def shows(viewer: Any, value: Callable[[Any], bool]) -> Callable[[], bool]:
    def look() -> bool:
        layer = find_preview(viewer)
        return layer is not None and value(layer)

    return look


def test_objects_of_the_shown_plane_are_previewed_and_gone_at_the_end(
    qtbot: Any, viewer: Any, widget: Any, cells: Any, trainee: Trainee, wait_idle: Any
) -> None:
    before = cells.data.copy()
    viewer.layers.selection.active = cells
    widget.adapt_view.adapt_button.click()
    qtbot.waitUntil(shows(viewer, lambda layer: layer.data.any()), timeout=WAIT)
    layer = find_preview(viewer)
    # Tight boxes of both objects, which the fake model fills.
    np.testing.assert_array_equal(layer.data[0] > 0, before[0, 4:30, 6:50] > 0)
    assert tuple(layer.data_to_world((0, 0, 0))) == (0, 4, 6)
    assert viewer.layers.selection.active is cells
    said = widget.adapt_view.preview
    assert not said.isHidden()
    assert "2 masks by the model in training, step" in said.text()
    trainee.end.set()
    wait_idle(widget)
    assert find_preview(viewer) is None
    assert said.isHidden()
    np.testing.assert_array_equal(cells.data, before)
    assert widget.adapt_view.masks.value is cells


def test_nothing_is_drawn_of_a_plane_without_objects_and_prompts_are_enough(
    qtbot: Any, viewer: Any, widget: Any, cells: Any, trainee: Trainee, wait_idle: Any
) -> None:
    viewer.dims.set_current_step(0, 2)
    widget.adapt_view.adapt_button.click()
    qtbot.waitUntil(lambda: trainee.drawn > 3, timeout=WAIT)
    assert find_preview(viewer) is None
    widget.commands.live.start(widget.segment_view.image.value, cells)
    widget.commands.live.give(LivePrompt((20.0, 30.0)))
    qtbot.waitUntil(shows(viewer, lambda layer: np.count_nonzero(layer.data) == 25), timeout=WAIT)
    layer = find_preview(viewer)
    assert tuple(layer.data_to_world((0, 0, 0))) == (8, 18, 28)
    # Below the prompts, which stay active and get the mouse.
    assert viewer.layers.selection.active.name == "object prompts"
    assert viewer.layers.index(layer) < viewer.layers.index("object")
    trainee.end.set()
    wait_idle(widget)
    widget.commands.live.accept()
    assert (cells.data[2] > 0).sum() in (9, 25, 49)


def test_the_preview_follows_the_slider(
    qtbot: Any, viewer: Any, widget: Any, cells: Any, trainee: Trainee, wait_idle: Any
) -> None:
    cells.data[1, 2:5, 2:5] = 3
    widget.adapt_view.adapt_button.click()
    qtbot.waitUntil(shows(viewer, lambda layer: layer.data.any()), timeout=WAIT)
    viewer.dims.set_current_step(0, 1)
    qtbot.waitUntil(
        shows(viewer, lambda layer: tuple(layer.data_to_world((0, 0, 0))) == (4, 2, 2)),
        timeout=WAIT,
    )
    widget.adapt_view.cancel_button.click()
    wait_idle(widget)
    assert find_preview(viewer) is None


def test_a_removed_preview_comes_again_and_a_removed_image_ends_it(
    qtbot: Any, viewer: Any, widget: Any, cells: Any, trainee: Trainee, wait_idle: Any
) -> None:
    widget.adapt_view.adapt_button.click()
    qtbot.waitUntil(lambda: find_preview(viewer) is not None, timeout=WAIT)
    viewer.layers.remove(find_preview(viewer))
    qtbot.waitUntil(lambda: find_preview(viewer) is not None, timeout=WAIT)
    viewer.layers.clear()
    drawn = trainee.drawn
    step = widget.session.training.step
    qtbot.waitUntil(lambda: widget.session.training.step > step + 5, timeout=WAIT)
    assert trainee.drawn <= drawn + 1
    assert find_preview(viewer) is None
    trainee.end.set()
    wait_idle(widget)


def test_closing_the_widget_takes_the_preview_along(
    qtbot: Any, viewer: Any, widget: Any, cells: Any, trainee: Trainee
) -> None:
    widget.adapt_view.adapt_button.click()
    qtbot.waitUntil(lambda: find_preview(viewer) is not None, timeout=WAIT)
    widget.shut_down()
    trainee.end.set()
    assert find_preview(viewer) is None


def test_objects_that_touch_have_outlines_between_them_and_where_the_picture_ends() -> None:
    objects = np.zeros((3, 10), np.uint8)
    objects[:, :4], objects[:, 4:8] = 1, 2
    assert draw_objects(objects).tolist() == [
        [2, 2, 2, 2, 2, 2, 2, 2, 0, 0],
        [2, 1, 1, 2, 2, 1, 1, 2, 0, 0],
        [2, 2, 2, 2, 2, 2, 2, 2, 0, 0],
    ]


# THE WORKER'S SIDE


def make_wish(labels: Any = None, prompts: Prompts | None = None) -> PreviewWish:
    data = np.zeros((30, 40), np.uint8)
    whole = (slice(None), slice(None))
    plane = Plane(data, whole, (0, 1), (30, 40), Intensity("limits", 0, 255), "cells")
    return PreviewWish(plane, prompts, labels)


def test_a_picture_is_due_with_a_wish_and_after_a_pause() -> None:
    preview = TrainingPreview(FakePredictor, pause=3600.0)
    assert not preview.due
    preview.wish = make_wish(prompts=Prompts(boxes=[[2, 3, 6, 9]]))
    assert preview.due
    picture = preview.draw("model")
    assert (picture.corner, picture.objects.shape, picture.count) == ((2, 3), (4, 6), 1)
    assert not preview.due


def test_a_picture_that_fails_ends_no_training(caplog: pytest.LogCaptureFixture) -> None:
    def refuse(model: Any) -> Any:
        raise RuntimeError("out of memory")

    preview = TrainingPreview(refuse)
    preview.wish = make_wish(prompts=Prompts(boxes=[[2, 3, 6, 9]]))
    assert preview.draw("model") is None
    assert "cannot draw" in caplog.text
    assert not preview.due


def test_a_plane_without_objects_is_not_embedded() -> None:
    predictor = FakePredictor("x")
    preview = TrainingPreview(lambda model: predictor, pause=0.0)
    preview.wish = make_wish(np.zeros((30, 40), int))
    assert preview.draw("model") is None
    assert not predictor.embedded


def test_the_largest_objects_have_boxes() -> None:
    labels = np.zeros((30, 40), np.int64)
    labels[1:3, 1:3], labels[5:15, 5:20], labels[20:28, 1:9] = 9_000_000_000, 2, 1
    assert list_boxes(labels, 2).tolist() == [[20, 1, 28, 9], [5, 5, 15, 20]]
    assert list_boxes(labels, 9).tolist()[-1] == [1, 1, 3, 3]
    assert list_boxes(np.zeros((3, 3), int), 5).shape == (0, 4)
    assert list_boxes(np.ones((3, 4), int), 5).tolist() == [[0, 0, 3, 4]]
