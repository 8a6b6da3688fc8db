"""*Suggest next*: looking at planes and regions in the worker, the list, and the jump."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from napari.layers import Points

from napari_catsam.plugin import troubles
from napari_catsam.plugin.adapt.suggest_view import SuggestView
from napari_catsam.plugin.adapt.suggester import CANCELLED, NOTHING
from napari_catsam.plugin.catsam_widget import CatsamWidget
from napari_catsam.plugin.device.library import Library
from napari_catsam.plugin.live.prompt import LivePrompt
from napari_catsam.plugin.session import Session
from napari_catsam.types import Masks, Prompts, Shot
from tests.plugin.conftest import FakePredictor

WAIT = 10_000


@dataclass
class Shrinking(FakePredictor):
    """Leaves out more of each mask, the brighter the plane, or the part of it, is."""

    def embed(self, image: Any, intensity: Any = None) -> Any:
        super().embed(image, intensity)
        return np.asarray(image)

    def predict(self, embedding: Any, prompts: Prompts) -> Masks:
        found = super().predict(embedding.shape[:2], prompts)
        for mask in found.masks:
            rows, columns = np.nonzero(mask)
            cut = int(embedding[rows[0], columns[0]])
            mask[rows[0] : rows[0] + cut] = False
        return found


@pytest.fixture
def adapted(widget: Any, library: Any, adapter_factory: Callable[..., Any]) -> Shrinking:
    predictor = library.predictors["vit_nano adapted"] = Shrinking("adapted")
    widget.session.keep_adapter(adapter_factory(0.5, 0.7))
    return predictor


@pytest.fixture
def stack(viewer: Any, widget: Any) -> Any:
    """Give the widget eight slices of rising brightness, the fourth with masks."""
    data = np.zeros((8, 40, 60), np.uint8)
    data[:] = np.array([0, 1, 2, 0, 3, 5, 1, 0])[:, None, None]
    data[:, -1, -1] = 100 + np.arange(8)  # no two of them are the same
    viewer.add_image(data, name="cells", scale=(4, 1, 1), axis_labels=("z", "y", "x"))
    masks = np.zeros(data.shape, int)
    masks[3, 4:14, 6:16], masks[3, 20:30, 30:50] = 1, 2
    labels = viewer.add_labels(masks, name="masks", scale=(4, 1, 1), axis_labels=("z", "y", "x"))
    viewer.dims.set_current_step(0, 3)
    return labels


def texts(widget: Any) -> list[str]:
    items = widget.adapt_view.suggest.list
    return [items.item(row).text() for row in range(items.count())]


def test_slices_are_ranked_by_disagreement_and_the_view_jumps_to_the_best(
    viewer: Any, widget: Any, stack: Any, adapted: Any, library: Any, wait_idle: Any
) -> None:
    view = widget.adapt_view.suggest
    assert view.list.isHidden()
    view.button.click()
    assert view.button.text() == "Stop looking"
    wait_idle(widget)
    assert view.button.text() == "Suggest next"
    # Boxes of the labelled slice, 10 rows high, of which the adapted model leaves out some.
    found = [text.split(" · ") for text in texts(widget)]
    assert [where.split(", ")[0] for where, _ in found] == ["z=5", "z=4", "z=2", "z=1", "z=6"]
    assert {where.split(", ")[1] for where, _ in found} <= {"middle", "bottom"}
    assert [why for _, why in found] == [
        "doubt 0.33 (agreement 0.50, expected IoU 0.85)",
        "doubt 0.23 (agreement 0.70, expected IoU 0.85)",
        "doubt 0.18 (agreement 0.80, expected IoU 0.85)",
        "doubt 0.13 (agreement 0.90, expected IoU 0.85)",
        "doubt 0.13 (agreement 0.90, expected IoU 0.85)",
    ]
    assert viewer.dims.current_step[0] == 5
    assert widget.session.note.startswith("look at z=5, bottom · doubt 0.33")
    proposal = widget.session.suggestions[0]
    assert 4 <= proposal.at[0] <= 30
    assert 6 <= proposal.at[1] <= 50
    # The labelled slice is not embedded: seven others are, by each of two models.
    assert len(adapted.embedded) == len(library.predictors["vit_nano"].embedded) == 7


def test_a_click_on_the_list_goes_there(
    qtbot: Any, viewer: Any, widget: Any, stack: Any, adapted: Any, wait_idle: Any
) -> None:
    view = widget.adapt_view.suggest
    view.button.click()
    wait_idle(widget)
    view.list.itemClicked.emit(view.list.item(2))
    assert viewer.dims.current_step[0] == 2
    assert widget.session.note.startswith("look at z=2")


def test_a_slice_that_was_annotated_is_not_suggested_again(
    viewer: Any, widget: Any, stack: Any, adapted: Any, wait_idle: Any
) -> None:
    stack.data[5, 4:14, 6:16] = 7
    widget.adapt_view.suggest.button.click()
    wait_idle(widget)
    assert viewer.dims.current_step[0] == 4
    assert not [text for text in texts(widget) if text.startswith(("z=5", "z=3"))]


def test_without_an_adapter_the_expected_iou_ranks(
    viewer: Any, widget: Any, stack: Any, library: Any, wait_idle: Any
) -> None:
    widget.adapt_view.suggest.button.click()
    wait_idle(widget)
    assert texts(widget)[0] == "z=0, middle · doubt 0.15 (expected IoU 0.85)"
    assert list(library.predictors) == ["vit_nano"]


def test_regions_of_a_lone_plane_are_ranked_without_what_is_annotated(
    viewer: Any, widget: Any, adapted: Any, wait_idle: Any
) -> None:
    image = np.zeros((90, 120), np.uint8)
    image[60:, 80:], image[:30, :40] = 4, 5
    viewer.add_image(image, name="cells")
    masks = np.zeros(image.shape, int)
    masks[:30, :40] = 1
    viewer.add_labels(masks, name="masks")
    viewer.scene.camera.zoom = 100  # only the middle of the plane is seen
    widget.adapt_view.suggest.button.click()
    wait_idle(widget)
    found = texts(widget)
    assert found[0] == "bottom right · doubt 0.48 (agreement 0.20, expected IoU 0.83)"
    assert not [text for text in found if text.startswith("top left")]
    row, column = viewer.scene.camera.center[-2:]
    assert row > 60
    assert column > 80


def test_looking_can_be_cancelled_and_prompts_are_answered_meanwhile(
    qtbot: Any, viewer: Any, widget: Any, stack: Any, adapted: Any, library: Any, wait_idle: Any
) -> None:
    session, view = widget.session, widget.adapt_view.suggest
    session.use_version(None)
    predictor = library.predictors["vit_nano"]
    # The third plane waits for this gate: what is asked then comes before the others.
    gates = [threading.Event() for _ in range(8)]
    held = iter(gates)
    embed = predictor.embed

    def embed_later(*args: Any) -> Any:
        next(held).wait(10)
        return embed(*args)

    predictor.embed = embed_later
    view.button.click()
    for gate in gates[:2]:
        gate.set()
    qtbot.waitUntil(lambda: len(predictor.embedded) == 2, timeout=WAIT)
    widget.commands.live.start(widget.segment_view.image.value, stack)
    answered: list[bool] = []
    session.events.live.connect(
        lambda live: answered.append(live is not None and live.answered and session.suggesting)
    )
    widget.commands.live.give(LivePrompt((20.0, 30.0)))
    for gate in gates[2:4]:
        gate.set()
    qtbot.waitUntil(lambda: any(answered), timeout=WAIT)
    view.button.click()
    for gate in gates:
        gate.set()
    wait_idle(widget)
    assert (session.suggesting, session.suggestions, session.note) == (False, (), CANCELLED)
    assert len(predictor.embedded) < 7
    assert view.list.isHidden()


def test_another_image_has_no_suggestions_yet(
    viewer: Any, widget: Any, stack: Any, adapted: Any, wait_idle: Any
) -> None:
    widget.adapt_view.suggest.button.click()
    wait_idle(widget)
    assert widget.session.suggestions
    other = viewer.add_image(np.zeros((30, 30), np.uint8), name="other")
    box = widget.segment_view.image
    box.setCurrentIndex(box.findData(other))
    assert widget.session.suggestions == ()
    assert widget.adapt_view.suggest.list.isHidden()


LAYER_CHANGES: dict[str, Callable[[Any], Any]] = {
    "added": lambda layers: layers.append(Points()),
    "removed": lambda layers: layers.pop("masks"),
    "renamed": lambda layers: setattr(layers["cells"], "name", "nuclei"),
    "moved": lambda layers: layers.move(1, 0),
}


@pytest.mark.parametrize("change", LAYER_CHANGES)
def test_suggestions_stay_with_their_image_whatever_becomes_of_the_layers(
    viewer: Any, widget: Any, stack: Any, adapted: Any, wait_idle: Any, change: str
) -> None:
    choose_the_lower_of_two_images(viewer, widget)
    widget.adapt_view.suggest.button.click()
    wait_idle(widget)
    found = texts(widget)
    LAYER_CHANGES[change](viewer.layers)
    assert texts(widget) == found != []


def test_a_layer_that_is_added_ends_no_looking(
    viewer: Any, widget: Any, stack: Any, adapted: Any, wait_idle: Any
) -> None:
    choose_the_lower_of_two_images(viewer, widget)
    widget.adapt_view.suggest.button.click()
    viewer.add_points()
    wait_idle(widget)
    assert widget.session.note.startswith("look at z=5")


def choose_the_lower_of_two_images(viewer: Any, widget: Any) -> None:
    """Choose the image that is not the first in the list."""
    viewer.add_image(np.zeros((8, 40, 60), np.uint8), name="other", scale=(4, 1, 1))
    box = widget.segment_view.image
    box.setCurrentIndex(box.findData(viewer.layers["cells"]))


def test_nothing_is_asked_while_it_trains_and_without_an_image(
    widget: Any, stack: Any, viewer: Any
) -> None:
    button = widget.adapt_view.suggest.button
    assert button.isEnabled()
    widget.session.adapting = True
    assert not button.isEnabled()
    widget.session.adapting = False
    assert button.isEnabled()
    viewer.layers.clear()
    assert not button.isEnabled()


def test_where_everything_is_annotated_there_is_nothing_to_suggest(
    viewer: Any, widget: Any, adapted: Any, wait_idle: Any
) -> None:
    viewer.add_image(np.zeros((90, 90), np.uint8))
    viewer.add_labels(np.ones((90, 90), int))
    widget.adapt_view.suggest.button.click()
    wait_idle(widget)
    assert widget.session.note == NOTHING


def test_a_plane_that_cannot_be_read_is_told(
    viewer: Any, widget: Any, library: Any, wait_idle: Any, monkeypatch: pytest.MonkeyPatch,
    prompt_error: Exception,
) -> None:  # fmt: skip
    told: list[str] = []
    monkeypatch.setattr(troubles, "show_error", told.append)
    viewer.add_image(np.zeros((90, 90), np.uint8))
    library.predictors["vit_nano"].error = prompt_error
    widget.adapt_view.suggest.button.click()
    wait_idle(widget)
    assert told == [f"cannot suggest: {prompt_error}"]
    assert not widget.session.suggesting


def test_in_a_narrow_dock_long_places_take_two_lines_and_none_is_cut_off(qtbot: Any) -> None:
    view = SuggestView()
    qtbot.addWidget(view)
    view.resize(600, 300)
    view.show_places(["z=5, top · doubt 0.40 (agreement 0.35, expected IoU 0.85)", "z=1, top"])
    view.show()
    wide = view.list.height()
    view.resize(200, 300)
    assert view.list.height() > wide
    last = view.list.visualItemRect(view.list.item(1))
    assert last.bottom() < view.list.viewport().height() <= last.bottom() + 3


def test_the_border_of_a_button_that_cannot_be_pressed_does_not_cut_its_text(qtbot: Any) -> None:
    view = SuggestView()
    qtbot.addWidget(view)
    view.setStyleSheet("QPushButton { border: 0 } QPushButton:disabled { border: 3px solid red }")
    view.show_looking(looking=False, ready=True)
    height = view.button.sizeHint().height()
    view.show_looking(looking=False, ready=False)
    assert view.button.sizeHint().height() == height + 6


def test_the_real_library_looks_at_slices_with_two_models(qtbot: Any, viewer: Any) -> None:
    from napari_catsam.adaptation.config import TrainConfig
    from napari_catsam.adaptation.train import adapt
    from napari_catsam.models.loading import load_model

    rows, columns = np.indices((48, 64))
    masks = np.zeros((4, 48, 64), int)
    for number, (row, column) in enumerate([(12, 14), (34, 40)], 1):
        masks[1, (rows - row) ** 2 + (columns - column) ** 2 < 64] = number
    image = (np.roll(masks[1] > 0, 3) * 150 + 50 + np.arange(4)[:, None, None]).astype(np.uint8)
    config = TrainConfig(steps=1, objects_per_step=1)
    adapter = adapt(load_model("tiny", device="cpu"), [Shot(image[1], masks[1])], config)
    widget = CatsamWidget(viewer, Session(library=Library(), device="cpu", backbone="tiny"))
    widget.session.open_adapter(adapter)
    viewer.add_image(image, name="discs")
    viewer.add_labels(masks, name="masks")
    viewer.dims.set_current_step(0, 1)
    widget.adapt_view.suggest.button.click()
    with qtbot.waitSignal(widget.queue.busy_changed, timeout=6 * WAIT):
        pass
    found = widget.session.suggestions
    assert {proposal.plane.index[0] for proposal in found} <= {0, 2, 3}
    assert len(found) == 3
    assert viewer.dims.current_step[0] == found[0].plane.index[0]
    widget.close()
