"""The table of objects follows the layer that masks are written into, whatever becomes of it."""

from __future__ import annotations

import gc
import threading
import weakref
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import dask.array
import numpy as np
import pytest
from napari.components import ViewerModel
from napari.layers import Labels
from qtpy import sip
from qtpy.QtCore import Qt

from napari_catsam.plugin.catsam_widget import CatsamWidget
from napari_catsam.plugin.connections import Connections
from napari_catsam.plugin.dock.parts import ChoiceBox
from napari_catsam.plugin.layers.mask_writing import Refined, Written
from napari_catsam.plugin.live.prompt import LivePrompt
from napari_catsam.plugin.objects import counts as object_counts
from napari_catsam.plugin.objects.features import ObjectFeatures, read_features, write_features
from napari_catsam.plugin.objects.panel import NO_LAYER, NO_OBJECT, ObjectsPanel
from napari_catsam.plugin.objects.table import ObjectRow
from napari_catsam.plugin.session import Session

WAIT = 10_000
SHAPE = (4, 30, 40)


@dataclass
class Actions:
    """Erases objects as the real ones do, and notes the rest."""

    asked: list[tuple[str, str, int]] = field(default_factory=list)

    def delete(self, labels: Labels, number: int) -> None:
        labels.data_setitem(np.nonzero(np.asarray(labels.data) == number), 0)

    def jump_to(self, labels: Labels, number: int) -> None:
        self.asked.append(("jump", labels.name, number))

    def refine(self, labels: Labels, number: int) -> None:
        self.asked.append(("refine", labels.name, number))


@dataclass
class Desk:
    """A panel and what it is given."""

    viewer: ViewerModel
    session: Session
    target: ChoiceBox
    actions: Actions
    panel: ObjectsPanel
    qtbot: Any

    def choose(self, labels: Labels | None) -> None:
        layers = [layer for layer in self.viewer.layers if isinstance(layer, Labels)]
        choices: list[tuple[str, object]] = [(layer.name, layer) for layer in layers]
        self.target.set_choices([("new layer", None), *choices], labels)

    @property
    def rows(self) -> dict[int, ObjectRow]:
        return {row.id: row for row in self.panel.view.table.rows}

    def wait(self, check: Callable[[], bool]) -> None:
        """Wait until all is counted and shown, and something holds."""
        panel = self.panel

        def is_done() -> None:
            assert panel.counts.complete
            assert not panel._soon.isActive()
            assert check(), (panel.view.summary.text(), panel.view.table.rows)

        self.qtbot.waitUntil(is_done, timeout=WAIT)

    def wait_ids(self, *ids: int) -> None:
        self.wait(lambda: sorted(self.rows) == sorted(ids))


@pytest.fixture
def desk(viewer: ViewerModel, library: Any, qtbot: Any) -> Iterator[Desk]:
    session, target, actions = Session(library=library), ChoiceBox("into"), Actions()
    connections = Connections()
    panel = ObjectsPanel(viewer, session, target, actions, connections)
    qtbot.addWidget(panel.view)
    qtbot.addWidget(target)
    yield Desk(viewer, session, target, actions, panel, qtbot)
    connections.close()
    panel.close()


@pytest.fixture
def stack(desk: Desk) -> Labels:
    data = np.zeros(SHAPE, np.int32)
    data[0, 2:6, 2:7], data[1, 2:6, 2:7], data[1, 20:23, 10:15] = 1, 1, 2
    labels = desk.viewer.add_labels(data, name="masks")
    desk.viewer.dims.set_current_step(0, 1)
    desk.choose(labels)
    desk.wait_ids(1, 2)
    return labels


def put(labels: Labels, value: int, step: int = 1, row: int = 26, pixels: int = 4) -> None:
    columns = np.arange(pixels)
    labels.data_setitem((np.full(pixels, step), np.full(pixels, row), columns), value)


def test_objects_are_listed_with_their_size_and_planes(desk: Desk, stack: Labels) -> None:
    assert desk.rows[1] == ObjectRow(1, "object", 40.0, None, 2)
    assert desk.rows[2] == ObjectRow(2, "object", 15.0, None, 1)
    assert desk.panel.view.summary.text() == "2 objects in masks"
    assert desk.panel.view.rows.has_planes


def test_sizes_are_in_the_unit_of_the_layer(desk: Desk, stack: Labels) -> None:
    stack.scale, stack.units = (2, 0.5, 0.5), ("um", "um", "um")
    desk.wait(lambda: desk.rows[2].size == 7.5)
    header = desk.panel.view.table.headerData(2, Qt.Orientation.Horizontal)
    assert header == "µm³"


def test_what_is_accepted_has_its_class_and_its_score(desk: Desk, stack: Labels) -> None:
    desk.panel.view.class_chosen.emit("cell")
    put(stack, 3)
    desk.panel.record(stack, Written((3,), 0, 0, (0.75,)))
    desk.wait_ids(1, 2, 3)
    assert desk.rows[3] == ObjectRow(3, "cell", 4.0, 0.75, 1)
    assert read_features(stack)[3] == ObjectFeatures("cell", 0.75)
    assert desk.session.classes == ("object", "cell")
    assert desk.panel.view.classes.currentText() == "cell"


def test_what_is_refined_keeps_its_class_and_has_a_new_score(desk: Desk, stack: Labels) -> None:
    write_features(stack, {2: ObjectFeatures("debris", 0.3)})
    desk.session.choose_class("cell")
    desk.panel.record(stack, Refined(2, 5, 0, 0.9))
    desk.wait(lambda: desk.rows[2].score == 0.9)
    assert desk.rows[2].name == "debris"


def test_painting_and_undo_are_followed_on_every_plane(desk: Desk, stack: Labels) -> None:
    stack.paint((1, 27, 30), 9)
    desk.wait(lambda: 9 in desk.rows)
    desk.viewer.dims.set_current_step(0, 3)
    stack.undo()
    desk.wait_ids(1, 2)
    stack.redo()
    desk.wait_ids(1, 2, 9)


def test_only_the_plane_of_an_edit_is_counted_again(
    desk: Desk, stack: Labels, monkeypatch: pytest.MonkeyPatch
) -> None:
    counted = []
    count = object_counts._count

    def note(data: Any, planes: Any) -> Any:
        counted.extend(planes)
        return count(data, planes)

    monkeypatch.setattr(object_counts, "_count", note)
    put(stack, 3, step=2)
    desk.wait_ids(1, 2, 3)
    assert counted == [(2,)]


def test_counting_is_not_done_in_the_main_thread(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    threads = []
    count = object_counts._count

    def note(data: Any, planes: Any) -> Any:
        threads.append(threading.get_ident())
        return count(data, planes)

    monkeypatch.setattr(object_counts, "_count", note)
    labels = desk.viewer.add_labels(np.ones(SHAPE, np.int32))
    desk.choose(labels)
    desk.wait_ids(1)
    assert threads
    assert threading.get_ident() not in threads


def test_a_class_is_edited_in_the_table(desk: Desk, stack: Labels) -> None:
    table = desk.panel.view.table
    row = table.find(2)
    assert row is not None
    assert table.setData(table.index(row, 1), " debris ")
    desk.wait(lambda: desk.rows[2].name == "debris")
    assert read_features(stack)[2].name == "debris"
    assert "debris" in desk.session.classes


def test_selecting_goes_both_ways(desk: Desk, stack: Labels) -> None:
    desk.panel.view.selected.emit(2)
    assert stack.selected_label == 2
    stack.selected_label = 1
    assert desk.panel.view.selection == (1,)
    stack.selected_label = 99
    assert desk.panel.view.selection == ()


def test_jump_and_refine_are_passed_on(desk: Desk, stack: Labels) -> None:
    desk.panel.view.jump_requested.emit(2)
    desk.panel.view.refine_requested.emit(1)
    assert desk.actions.asked == [("jump", "masks", 2), ("refine", "masks", 1)]


def test_a_deleted_object_comes_back_with_its_class(desk: Desk, stack: Labels) -> None:
    write_features(stack, {1: ObjectFeatures("cell", 0.9), 2: ObjectFeatures("debris", 0.5)})
    desk.panel.view.delete_requested.emit((2,))
    desk.wait_ids(1)
    assert sorted(read_features(stack)) == [1]
    stack.undo()
    desk.wait_ids(1, 2)
    assert (desk.rows[2].name, desk.rows[2].score) == ("debris", 0.5)
    assert read_features(stack)[2] == ObjectFeatures("debris", 0.5)


def test_a_new_object_under_an_old_number_gets_nothing_of_the_old_one(
    desk: Desk, stack: Labels
) -> None:
    write_features(stack, {2: ObjectFeatures("debris", 0.5)})
    desk.panel.view.delete_requested.emit((2,))
    desk.wait_ids(1)
    put(stack, 2)
    desk.panel.record(stack, Written((2,), 0, 0, (0.75,)))
    desk.wait_ids(1, 2)
    assert read_features(stack)[2] == ObjectFeatures("object", 0.75)


def test_rows_of_objects_that_were_never_there_are_not_touched(desk: Desk) -> None:
    table = {"index": [1, 8], "class": ["a", "b"]}
    labels = desk.viewer.add_labels(np.ones((20, 30), int), features=table)
    desk.choose(labels)
    desk.wait_ids(1)
    labels.paint((5, 5), 3)
    desk.wait_ids(1, 3)
    assert labels.features["index"].tolist() == [1, 8]


def test_classes_of_a_layer_can_be_chosen(desk: Desk) -> None:
    table = {"index": [1, 2], "class": ["nucleus", ""]}
    desk.choose(desk.viewer.add_labels(np.ones((20, 30), int), features=table))
    desk.wait_ids(1)
    assert desk.session.classes == ("object", "nucleus")
    assert desk.rows[1].name == "nucleus"


def test_another_layer_shows_its_own_objects(desk: Desk, stack: Labels) -> None:
    other = desk.viewer.add_labels(np.full(SHAPE, 5), name="others")
    desk.choose(other)
    desk.wait_ids(5)
    put(stack, 3)  # is not listened to any more
    desk.choose(None)
    desk.wait_ids()
    assert desk.panel.view.summary.text() == NO_LAYER
    desk.choose(stack)
    desk.wait_ids(1, 2, 3)


def test_an_empty_layer_says_so_and_a_new_name_is_shown(desk: Desk) -> None:
    labels = desk.viewer.add_labels(np.zeros((20, 30), int), name="empty")
    desk.choose(labels)
    desk.wait(lambda: desk.panel.view.summary.text() == NO_OBJECT)
    labels.paint((5, 5), 3)
    desk.wait_ids(3)
    labels.name = "full"
    desk.wait(lambda: desk.panel.view.summary.text() == "1 object in full")


def test_data_of_another_shape_are_counted_afresh(desk: Desk, stack: Labels) -> None:
    stack.data = np.full((2, 10, 12), 7)
    desk.wait_ids(7)
    assert desk.rows[7] == ObjectRow(7, "object", 240.0, None, 2)


def test_lazy_data_are_counted_where_they_are_shown(desk: Desk) -> None:
    data = np.zeros(SHAPE, np.int32)
    for step in range(4):
        data[step, :5, :5] = step + 1
    labels = desk.viewer.add_labels(dask.array.from_array(data, chunks=(1, 30, 40)), name="lazy")
    desk.viewer.dims.set_current_step(0, 1)
    desk.choose(labels)
    desk.wait_ids(2)
    desk.viewer.dims.set_current_step(0, 3)
    desk.wait_ids(2, 4)
    assert "on the planes that were shown" in desk.panel.view.summary.text()


def test_planes_that_cannot_be_read_are_left_out(
    desk: Desk, stack: Labels, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(data: Any, planes: Any) -> Any:
        raise OSError("the disk is gone")

    with monkeypatch.context() as patch:
        patch.setattr(object_counts, "_count", fail)
        put(stack, 3)
        desk.wait(lambda: "cannot count objects" in caplog.text)
    put(stack, 4, step=2)
    desk.wait_ids(1, 2, 4)


def test_a_removed_layer_is_let_go_at_once(desk: Desk, stack: Labels) -> None:
    put(stack, 3)
    desk.viewer.layers.remove(stack)
    assert desk.panel.counts.labels is None
    desk.choose(None)
    desk.wait_ids()


def test_nothing_keeps_a_removed_layer_alive(desk: Desk) -> None:
    # Not in a variable: napari looks at those of its callers, and Python keeps what it has seen.
    held = weakref.ref(desk.viewer.add_labels(np.ones(SHAPE, np.int32)))
    desk.choose(held())
    desk.wait_ids(1)
    desk.panel.view.delete_requested.emit((1,))
    desk.wait_ids()
    del desk.viewer.layers[0]
    desk.choose(None)
    desk.viewer.add_points()  # napari's selection holds what was selected last
    gc.collect()
    assert held() is None


def test_it_can_be_closed_when_qt_has_deleted_it(viewer: Any, library: Any, qtbot: Any) -> None:
    target = ChoiceBox("into")
    qtbot.addWidget(target)
    panel = ObjectsPanel(viewer, Session(library=library), target, Actions(), Connections())
    panel.counts.follow(viewer.add_labels(np.ones(SHAPE, np.int32)))
    sip.delete(panel.view)
    panel.close()
    assert panel.counts.labels is None


def test_closing_while_it_counts_leaves_nothing(desk: Desk) -> None:
    labels = desk.viewer.add_labels(np.ones((8, 900, 900), np.int32))
    desk.choose(labels)
    desk.panel.refresh()
    assert not desk.panel.counts.complete
    desk.panel.close()
    assert desk.panel.counts.labels is None
    labels.data_setitem((np.array([0]), np.array([0]), np.array([0])), 2)
    assert desk.panel.counts.labels is None


def listed(widget: Any) -> dict[int, ObjectRow]:
    return {row.id: row for row in widget.objects.view.table.rows}


def test_an_accepted_object_is_in_the_table_of_the_widget(
    viewer: Any, widget: Any, wait_idle: Any, qtbot: Any
) -> None:
    viewer.add_image(np.zeros((60, 80), np.uint8), name="cells")
    widget.live_view.annotate.click()
    widget.session.choose_class("nucleus")
    for row, column in ((20, 30), (40, 60)):
        widget.commands.live.give(LivePrompt((row, column)))
        wait_idle(widget)
        widget.live_view.accept.click()
    qtbot.waitUntil(lambda: sorted(listed(widget)) == [1, 2], timeout=WAIT)
    assert listed(widget)[1].name == "nucleus"
    assert listed(widget)[1].score == pytest.approx(0.9)
    labels = viewer.layers["cells masks"]
    widget.objects.view.delete_requested.emit((1,))
    qtbot.waitUntil(lambda: sorted(listed(widget)) == [2], timeout=WAIT)
    labels.undo()
    qtbot.waitUntil(lambda: sorted(listed(widget)) == [1, 2], timeout=WAIT)
    assert listed(widget)[1].name == "nucleus"


def test_segmented_objects_have_the_chosen_class_too(
    viewer: Any, widget: Any, wait_idle: Any, qtbot: Any
) -> None:
    viewer.add_image(np.zeros((60, 80), np.uint8), name="cells")
    viewer.add_points([[20, 30], [40, 60]], name="points")
    widget.session.choose_class("nucleus")
    widget.segment()
    wait_idle(widget)
    qtbot.waitUntil(lambda: sorted(listed(widget)) == [1, 2], timeout=WAIT)
    assert [row.name for row in listed(widget).values()] == ["nucleus", "nucleus"]
    assert None not in [row.score for row in listed(widget).values()]


def test_classes_are_restored_after_a_restart(
    viewer: Any, widget: Any, wait_idle: Any, qtbot: Any, library: Any
) -> None:
    image = np.arange(60 * 80, dtype=np.uint16).reshape(60, 80)
    viewer.add_image(image, name="cells")
    widget.live_view.annotate.click()
    widget.commands.live.give(LivePrompt((20, 30)))
    wait_idle(widget)
    widget.live_view.accept.click()
    with qtbot.waitSignal(widget.autosave.saved, timeout=WAIT):
        pass
    widget.objects.view.class_edited.emit((1,), "nucleus")
    with qtbot.waitSignal(widget.autosave.saved, timeout=WAIT):
        pass
    widget.close()
    other = ViewerModel()
    other.add_image(image, name="cells")
    again = CatsamWidget(other, Session(library=library))
    qtbot.waitUntil(lambda: not again.restore_bar.isHidden(), timeout=WAIT)
    with qtbot.waitSignal(again.autosave.restored, timeout=WAIT):
        again.restore_bar.restore_button.click()
    qtbot.waitUntil(lambda: sorted(listed(again)) == [1], timeout=WAIT)
    assert (listed(again)[1].name, listed(again)[1].score) == ("nucleus", pytest.approx(0.9))
    assert "nucleus" in again.session.classes
    again.close()
