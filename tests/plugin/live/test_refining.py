"""Mending objects that are there: picked by a key or a number, changed by prompts, written back."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from qtpy.QtCore import Qt

from napari_catsam.plugin.layers.mask_writing import WritePolicy
from napari_catsam.plugin.live.prompt import LivePrompt
from tests.plugin.live.test_commands import CONTROL, make_stage  # noqa: F401
from tests.plugin.live.test_drawing import move

SIZE = (60, 80)
FIRST, SECOND = (slice(10, 20), slice(10, 20)), (slice(10, 20), slice(22, 30))


def click(row: float, column: float, *, positive: bool = True) -> LivePrompt:
    return LivePrompt((float(row), float(column)), positive)


def make_labels(shape: tuple[int, ...] = SIZE, dtype: Any = np.int32) -> Any:
    """Return two objects, 5 and 9, on the last plane."""
    data = np.zeros(shape, dtype)
    last = data[-1] if len(shape) == 3 else data
    last[FIRST], last[SECOND] = 5, 9
    return data


@pytest.fixture
def desk(viewer: Any, widget: Any, wait_idle: Any) -> Any:
    """Annotate an image with two objects on it, without a window."""

    class Desk:
        session, live, view = widget.session, widget.commands.live, widget.live_view
        image = viewer.add_image(np.zeros(SIZE, np.uint8), name="cells")
        labels = viewer.add_labels(make_labels(), name="mine")

        def point_at(self, row: float, column: float) -> None:
            viewer.cursor.position = (row, column)

        def give(self, *prompts: LivePrompt) -> None:
            for prompt in prompts:
                self.live.give(prompt)
                wait_idle(widget)

    desk = Desk()
    desk.live.start(desk.image)
    return desk


def test_the_object_under_the_mouse_is_shown_as_it_is(desk: Any) -> None:
    desk.point_at(12, 12)
    desk.live.refine_at_cursor()
    picked = desk.session.live.picked
    assert (picked.id, picked.layer_id) == (5, desk.labels.unique_id)
    assert desk.session.live.reading.mask.window == FIRST
    assert desk.session.live.answered


def test_clicks_change_it_and_accept_writes_it_back_under_its_number(desk: Any) -> None:
    before = desk.labels.data.copy()
    desk.point_at(12, 12)
    desk.live.refine_at_cursor()
    desk.give(click(24, 12), click(12, 12, positive=False))
    desk.live.accept()
    wanted = before.copy()
    wanted[22:27, 10:15] = 5
    wanted[10:15, 10:15] = 0
    np.testing.assert_array_equal(desk.labels.data, wanted)
    assert desk.session.note == "object 5 in mine refined by base: 25 pixels more, 25 fewer"
    assert desk.session.live is None
    desk.labels.undo()
    np.testing.assert_array_equal(desk.labels.data, before)


def test_the_model_is_asked_with_its_mask(desk: Any, library: Any) -> None:
    desk.live.refine(desk.labels, 9)
    desk.give(click(24, 12))
    (asked,) = library.predictors["vit_nano"].asked
    wanted = np.zeros(SIZE, bool)
    wanted[SECOND] = True
    np.testing.assert_array_equal(np.asarray(asked.masks), wanted[None])
    np.testing.assert_array_equal(asked.labels, [[1]])
    assert asked.boxes is None


def test_a_box_replaces_it(desk: Any, library: Any) -> None:
    desk.live.refine(desk.labels, 9)
    desk.give(LivePrompt((30.0, 30.0, 40.0, 50.0)))
    assert library.predictors["vit_nano"].asked[-1].masks is None
    desk.live.accept()
    assert (desk.labels.data[30:40, 30:50] == 9).all()
    assert (desk.labels.data == 9).sum() == 200


def test_undo_leads_back_to_it_and_then_to_what_was_before(desk: Any) -> None:
    desk.give(click(40, 40))
    begun = desk.session.live
    desk.live.refine(desk.labels, 5)
    picked = desk.session.live
    desk.give(click(24, 12))
    desk.live.undo()
    assert (desk.session.live.picked, desk.session.live.prompts) == (picked.picked, ())
    assert desk.session.live.reading is picked.reading
    desk.live.undo()
    assert desk.session.live is begun
    desk.live.undo()
    assert desk.session.live is None


def test_others_keep_their_pixels_unless_the_user_lets_them_be_overwritten(desk: Any) -> None:
    before = desk.labels.data.copy()
    desk.live.refine(desk.labels, 5)
    desk.give(click(15, 21))
    desk.live.accept()
    np.testing.assert_array_equal(desk.labels.data == 9, before == 9)
    desk.labels.undo()
    desk.view.overwrite.click()
    desk.live.refine(desk.labels, 5)
    desk.give(click(15, 21))
    desk.live.accept()
    assert (desk.labels.data[13:18, 19:24] == 5).all()


def test_overwriting_is_off_until_it_is_chosen_and_shown_where_it_is(desk: Any) -> None:
    assert desk.session.write_policy is WritePolicy.KEEP_OTHERS
    assert not desk.view.overwrite.isChecked()
    desk.session.write_policy = WritePolicy.OVERWRITE
    assert desk.view.overwrite.isChecked()
    desk.view.overwrite.click()
    assert desk.session.write_policy is WritePolicy.KEEP_OTHERS


def test_a_new_object_overwrites_if_told_to_and_says_what_is_gone(desk: Any) -> None:
    desk.session.write_policy = WritePolicy.OVERWRITE
    desk.live.choose_target(desk.labels)
    desk.give(LivePrompt((5.0, 20.0, 25.0, 35.0)))
    desk.live.accept()
    assert (desk.labels.data[5:25, 20:35] == 10).all()
    assert desk.session.note.endswith("object 9 has no pixel left on this plane")


def test_accepting_without_a_prompt_changes_nothing(desk: Any) -> None:
    before = desk.labels.data.copy()
    desk.live.refine(desk.labels, 5)
    desk.live.accept()
    np.testing.assert_array_equal(desk.labels.data, before)
    assert desk.session.live is None
    assert desk.session.note == "object 5 stays as it is"


def test_the_next_new_object_still_goes_to_the_chosen_labels(desk: Any, viewer: Any) -> None:
    other = viewer.add_labels(np.zeros(SIZE, np.int32), name="other")
    desk.live.choose_target(other)
    desk.live.refine(desk.labels, 5)
    desk.give(click(24, 12))
    desk.live.accept()
    assert not other.data.any()
    desk.give(click(40, 40))
    desk.live.accept()
    assert other.data[40, 40] == 1


def test_the_uppermost_visible_labels_count(desk: Any, viewer: Any) -> None:
    upper = viewer.add_labels(make_labels() * 2, name="upper")
    viewer.add_labels(make_labels((30, 40)) * 3, name="small")
    desk.point_at(12, 12)
    desk.live.refine_at_cursor()
    assert desk.session.live.picked.id == 10
    upper.visible = False
    desk.live.refine_at_cursor()
    assert desk.session.live.picked.id == 5


@pytest.mark.parametrize("place", [(40, 40), (-5, 3), (500, 3)])
def test_where_there_is_no_object_it_says_what_to_do(desk: Any, place: Any) -> None:
    desk.point_at(*place)
    desk.live.refine_at_cursor()
    assert desk.session.live is None
    assert "no object under the mouse" in desk.session.note


def test_a_number_is_looked_for_in_the_chosen_labels_first(desk: Any, viewer: Any) -> None:
    upper = viewer.add_labels(make_labels(), name="upper")
    desk.view.number.setText("5")
    desk.view.refine.click()
    assert desk.session.live.picked.layer_id == upper.unique_id
    desk.live.choose_target(desk.labels)
    desk.view.refine.click()
    assert desk.session.live.picked.layer_id == desk.labels.unique_id
    desk.view.number.setText("77")
    desk.view.refine.click()
    assert "object 77" in desk.session.note
    desk.view.number.clear()
    desk.view.refine.click()
    assert desk.session.note.startswith("put the mouse over an object and press G")


def test_labels_that_were_removed_meanwhile_are_told(desk: Any, viewer: Any) -> None:
    desk.live.refine(desk.labels, 5)
    desk.give(click(24, 12))
    viewer.layers.remove(desk.labels)
    desk.live.accept()
    assert "the layer of object 5 was removed" in desk.session.note


def test_another_model_is_asked_from_the_first_prompt_on(
    desk: Any, widget: Any, library: Any, wait_idle: Any
) -> None:
    desk.live.refine(desk.labels, 5)
    desk.session.choose_backbone("vit_b")
    wait_idle(widget)
    assert "vit_b" not in library.predictors
    assert desk.session.live.answered
    desk.give(click(24, 12))
    assert len(library.predictors["vit_b"].asked) == 1


def test_large_numbers_are_kept(desk: Any, viewer: Any) -> None:
    top = 2**32 - 1
    data = np.zeros(SIZE, np.uint32)
    data[FIRST] = top
    labels = viewer.add_labels(data, name="large")
    desk.view.number.setText(str(top))
    desk.view.refine.click()
    desk.give(click(24, 12))
    desk.live.accept()
    assert labels.data[24, 12] == top


def test_new_object_writes_the_mask_that_is_shown_and_begins_another(desk: Any) -> None:
    desk.live.choose_target(desk.labels)
    desk.give(click(40, 40))
    desk.live.new_object()
    assert desk.labels.data[40, 40] == 10
    assert desk.session.live is None
    desk.live.new_object()
    assert desk.labels.data.max() == 10


def test_it_is_picked_mended_and_accepted_on_the_canvas(make_stage: Any) -> None:  # noqa: F811
    stage = make_stage((3, *SIZE))
    labels = stage.window.add_labels(make_labels((3, *SIZE)), name="mine")
    labels.data[0, 10:20, 10:20] = 5
    before = labels.data.copy()
    stage.window.layers.selection.active = stage.window.layers["object prompts"]
    stage.window.dims.set_current_step(0, 2)
    move(stage, (15, 15))
    stage.press(Qt.Key.Key_G)
    assert stage.session.live.picked.id == 5
    np.testing.assert_allclose(stage.shown[1][-2:], (10, 10))
    stage.click((24, 15))
    stage.click((12, 12), CONTROL)
    assert len(stage.session.live.prompts) == 2
    stage.press(Qt.Key.Key_Y)
    assert labels.data[2, 24, 15] == 5
    assert labels.data[2, 12, 12] == 0
    np.testing.assert_array_equal(labels.data[:2], before[:2])
    np.testing.assert_array_equal(labels.data == 9, before == 9)
    stage.window.dims.set_current_step(0, 0)
    stage.press(Qt.Key.Key_Z, CONTROL)
    np.testing.assert_array_equal(labels.data, before)


def test_ctrl_z_in_the_labels_takes_a_refinement_back(make_stage: Any) -> None:  # noqa: F811
    stage = make_stage((3, *SIZE))
    labels = stage.window.add_labels(make_labels((3, *SIZE)), name="mine")
    before = labels.data.copy()
    stage.window.dims.set_current_step(0, 2)
    stage.live.refine(labels, 9)
    stage.window.layers.selection.active = stage.window.layers["object prompts"]
    stage.click((40, 40))
    stage.press(Qt.Key.Key_N)
    assert labels.data[2, 40, 40] == 9
    stage.window.layers.selection.active = labels
    stage.window.dims.set_current_step(0, 1)
    stage.press(Qt.Key.Key_Z, CONTROL)
    np.testing.assert_array_equal(labels.data, before)
