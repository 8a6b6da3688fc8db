"""Work is saved as it goes on and brought back, in a viewer with a library that has no torch."""

from __future__ import annotations

import errno
import gc
import json
import os
import weakref
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from napari.components import ViewerModel

from napari_catsam.plugin.catsam_widget import CatsamWidget
from napari_catsam.plugin.channels.choice import AS_SHOWN, ChannelChoice
from napari_catsam.plugin.live.prompt import LivePrompt
from napari_catsam.plugin.project.autosave import Autosave
from napari_catsam.plugin.project.reading import read_project, read_record
from napari_catsam.plugin.project.save_timer import LONGEST_MORE_MS
from napari_catsam.plugin.session import Session, Variant
from napari_catsam.plugin.settings import Settings

WAIT = 10_000
RECTANGLES = np.array([[[1, 9.5, 19.5], [1, 9.5, 39.5], [1, 19.5, 39.5], [1, 19.5, 19.5]]])
VOLUME = np.arange(3 * 40 * 60, dtype=np.uint16).reshape(3, 40, 60)


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    texts: list[str] = []
    monkeypatch.setattr("napari_catsam.plugin.project.writer.show_warning", texts.append)
    return texts


@pytest.fixture
def stack(viewer: Any) -> Any:
    """Show the middle plane of a volume, with a box on it."""
    image = viewer.add_image(VOLUME, name="cells", scale=(2, 0.5, 0.5))
    viewer.add_shapes(RECTANGLES, shape_type="rectangle", name="boxes", scale=(2, 0.5, 0.5))
    viewer.dims.set_current_step(0, 1)
    return image


@pytest.fixture
def wait_saved(qtbot: Any) -> Callable[[CatsamWidget], Path]:
    """Save at once, and wait until all is on disk."""

    def wait(widget: CatsamWidget) -> Path:
        qtbot.waitUntil(lambda: all(p.opened for p in widget.autosave._projects), timeout=WAIT)
        with qtbot.waitSignal(widget.autosave.saved, timeout=WAIT) as signal:
            widget.autosave.save()
        return Path(signal.args[0])

    return wait


@pytest.fixture
def segmented(
    viewer: Any, stack: Any, widget: Any, wait_idle: Any, wait_saved: Any
) -> tuple[Any, Path]:
    """Segment the box and save."""
    widget.segment()
    wait_idle(widget)
    return viewer.layers["cells masks"], wait_saved(widget)


@pytest.fixture
def reopen(qtbot: Any, library: Any) -> Iterator[Callable[..., tuple[ViewerModel, CatsamWidget]]]:
    """Open the image of :func:`stack` in another viewer, as after a restart."""
    widgets = []

    def make(image: np.ndarray = VOLUME) -> tuple[ViewerModel, CatsamWidget]:
        viewer = ViewerModel()
        viewer.add_image(image, name="cells", scale=(2, 0.5, 0.5))
        widget = CatsamWidget(viewer, Session(library=library))
        widgets.append(widget)
        qtbot.waitUntil(lambda: all(p.opened for p in widget.autosave._projects), timeout=WAIT)
        return viewer, widget

    yield make
    for widget in widgets:
        widget.close()


def close(qtbot: Any, widget: CatsamWidget) -> None:
    """Close a widget, and wait until all is on disk and let go."""
    stores = [project.store for project in widget.autosave._projects]
    widget.close()
    qtbot.waitUntil(lambda: all(store.closed for store in stores), timeout=WAIT)


def test_a_segmentation_is_saved_with_its_prompts_and_model(
    qtbot: Any, viewer: Any, stack: Any, widget: Any, wait_idle: Any
) -> None:
    with qtbot.waitSignal(widget.autosave.saved, timeout=WAIT) as signal:
        widget.segment()  # nobody asks to save it
    record = read_record(Path(signal.args[0]))
    if not record.objects:  # the box was saved before there was a mask
        with qtbot.waitSignal(widget.autosave.saved, timeout=WAIT):
            pass
        record = read_record(Path(signal.args[0]))
    (labels,), (boxes,) = record.labels, record.prompts
    assert [plane.index for plane in labels.planes] == [(1,)]
    assert labels.placement["scale"] == [2, 0.5, 0.5]
    assert boxes.data == RECTANGLES.tolist()
    assert record.model.backbone == "vit_nano"


def test_work_is_offered_and_restored(qtbot: Any, segmented: Any, widget: Any, reopen: Any) -> None:
    labels, _ = segmented
    close(qtbot, widget)
    viewer, other = reopen()
    bar = other.restore_bar
    assert bar.isVisibleTo(other)
    assert bar.text.text().startswith("1 object, 1 box from 20")
    assert [layer.name for layer in viewer.layers] == ["cells"]
    with qtbot.waitSignal(other.autosave.restored, timeout=WAIT):
        bar.restore_button.click()
    assert not bar.isVisibleTo(other)
    restored = viewer.layers["cells masks"]
    np.testing.assert_array_equal(restored.data, labels.data)
    assert tuple(restored.scale) == (2, 0.5, 0.5)
    np.testing.assert_allclose(viewer.layers["boxes"].data[0], RECTANGLES[0])
    assert other.segment_view.target.value == restored
    assert other.segment_view.shapes.value == viewer.layers["boxes"]


def test_restored_work_goes_on_in_its_folder(
    qtbot: Any, segmented: Any, widget: Any, reopen: Any, wait_saved: Any
) -> None:
    _, folder = segmented
    close(qtbot, widget)
    viewer, other = reopen()
    with qtbot.waitSignal(other.autosave.restored, timeout=WAIT):
        other.restore_bar.restore_button.click()
    labels = viewer.layers["cells masks"]
    labels.data_setitem((np.array([2]), np.array([3]), np.array([4])), 9)
    assert wait_saved(other) == folder
    assert [p.index for p in read_record(folder).labels[0].planes] == [(1,), (2,)]
    close(qtbot, other)
    assert [path.name for path in folder.parent.iterdir()] == [folder.name]


def test_work_that_is_there_already_is_not_replaced(
    qtbot: Any, segmented: Any, widget: Any, reopen: Any, wait_saved: Any
) -> None:
    close(qtbot, widget)
    viewer, other = reopen()
    mine = viewer.add_labels(np.full((3, 40, 60), 5), name="cells masks", scale=(2, 0.5, 0.5))
    second = wait_saved(other)
    with qtbot.waitSignal(other.autosave.restored, timeout=WAIT):
        other.restore_bar.restore_button.click()
    assert (mine.data == 5).all()
    restored = viewer.layers["cells masks [1]"]
    restored.data_setitem((np.array([2]), np.array([3]), np.array([4])), 9)
    wait_saved(other)
    assert read_record(second).objects == 1
    assert read_record(segmented[1]).objects == 2


def test_discarded_work_is_not_offered_again(
    qtbot: Any, segmented: Any, widget: Any, reopen: Any
) -> None:
    close(qtbot, widget)
    _, other = reopen()
    other.restore_bar.discard_button.click()
    qtbot.waitUntil(lambda: not segmented[1].exists(), timeout=WAIT)
    qtbot.waitUntil(lambda: not other.restore_bar.isVisibleTo(other), timeout=WAIT)


def test_another_image_of_that_name_is_offered_nothing(
    qtbot: Any, segmented: Any, widget: Any, reopen: Any
) -> None:
    close(qtbot, widget)
    _, other = reopen(VOLUME + 1)
    assert not other.restore_bar.isVisibleTo(other)


def test_a_widget_that_is_opened_again_goes_on_without_asking(
    qtbot: Any, viewer: Any, segmented: Any, widget: Any, library: Any, wait_saved: Any
) -> None:
    labels, folder = segmented
    close(qtbot, widget)
    labels.data_setitem((np.array([0]), np.array([3]), np.array([4])), 7)
    other = CatsamWidget(viewer, Session(library=library))
    assert wait_saved(other) == folder
    assert not other.restore_bar.isVisibleTo(other)
    assert read_record(folder).objects == 2
    close(qtbot, other)


def test_what_the_user_paints_undoes_and_redoes_is_saved(
    viewer: Any, segmented: Any, widget: Any, wait_saved: Any
) -> None:
    labels, _ = segmented
    labels.selected_label = 4
    labels.paint((0, 5, 5), 4)
    assert [p.ids for p in read_record(wait_saved(widget)).labels[0].planes] == ["4", "1"]
    viewer.dims.set_current_step(0, 2)
    labels.undo()  # of a plane that is not shown
    assert [p.ids for p in read_record(wait_saved(widget)).labels[0].planes] == ["", "1"]
    labels.redo()
    assert [p.ids for p in read_record(wait_saved(widget)).labels[0].planes] == ["4", "1"]
    labels.fill((2, 0, 0), 6)
    assert [p.ids for p in read_record(wait_saved(widget)).labels[0].planes] == ["4", "1", "6"]


def test_new_pixels_in_a_layer_are_saved(segmented: Any, widget: Any, wait_saved: Any) -> None:
    labels, _ = segmented
    labels.data = np.full((3, 40, 60), 8, np.uint8)
    record = read_record(wait_saved(widget)).labels[0]
    assert record.dtype == "uint8"
    assert [p.ids for p in record.planes] == ["8", "8", "8"]


def test_masks_that_were_drawn_before_the_widget_opened_are_saved(
    viewer: Any, stack: Any, library: Any, qtbot: Any, wait_saved: Any
) -> None:
    data = np.zeros((3, 40, 60), int)
    data[2, 5:9, 5:9] = 3
    viewer.add_labels(data, scale=(2, 0.5, 0.5))
    widget = CatsamWidget(viewer, Session(library=library))
    assert read_record(wait_saved(widget)).objects == 1
    close(qtbot, widget)


def test_labels_that_lie_elsewhere_are_left_out(
    viewer: Any, segmented: Any, widget: Any, wait_saved: Any
) -> None:
    viewer.add_labels(np.ones((5, 5), int), name="elsewhere")
    widget.session.choose_backbone("vit_b")
    record = read_record(wait_saved(widget))
    assert [labels.name for labels in record.labels] == ["cells masks"]
    assert record.model.backbone == "vit_b"


def test_a_deleted_layer_is_not_restored(
    qtbot: Any, viewer: Any, segmented: Any, widget: Any, wait_saved: Any, reopen: Any
) -> None:
    labels, _ = segmented
    viewer.layers.remove(labels)
    assert read_record(wait_saved(widget)).objects == 0
    close(qtbot, widget)
    viewer, other = reopen()
    assert other.restore_bar.text.text().startswith("1 box from")


def test_closing_writes_what_is_not_written_yet(qtbot: Any, segmented: Any, widget: Any) -> None:
    labels, folder = segmented
    labels.data_setitem((np.array([2]), np.array([3]), np.array([4])), 9)
    close(qtbot, widget)
    assert read_record(folder).objects == 2


def test_closing_the_viewer_writes_and_keeps_the_layers(
    qtbot: Any, viewer: Any, segmented: Any, widget: Any, reopen: Any
) -> None:
    labels, folder = segmented
    labels.data_setitem((np.array([2]), np.array([3]), np.array([4])), 9)
    viewer.layers.clear()
    close(qtbot, widget)
    record = read_record(folder)
    assert (record.objects, record.drawn) == (2, 1)
    assert not record.labels[0].removed


def test_switching_the_image_saves_each_work_in_its_own_place(
    qtbot: Any, viewer: Any, segmented: Any, widget: Any, wait_saved: Any
) -> None:
    labels, folder = segmented
    viewer.add_image(np.zeros((30, 30)), name="other")
    view = widget.segment_view
    view.image.show_value(viewer.layers["other"])
    view.image.chosen.emit(view.image.value)
    viewer.add_labels(np.ones((30, 30), int), name="on the other")
    labels.data_setitem((np.array([2]), np.array([3]), np.array([4])), 9)
    wait_saved(widget)
    records = [read_record(path.parent) for path in folder.parent.parent.rglob("project.json")]
    assert {r.image.name: [x.name for x in r.labels] for r in records} == {
        "cells": ["cells masks"],
        "other": ["on the other"],
    }
    assert {r.image.name: r.drawn for r in records} == {"cells": 1, "other": 0}
    assert read_record(folder).objects == 2


def test_an_adapter_is_saved_and_loaded(
    qtbot: Any, segmented: Any, widget: Any, wait_saved: Any, reopen: Any, adapter_factory: Any,
    wait_idle: Any,
) -> None:  # fmt: skip
    widget.session.keep_adapter(adapter_factory(backbone="vit_b"))
    widget.session.open_adapter(widget.session.adapter)
    wait_saved(widget)
    close(qtbot, widget)
    _, other = reopen()
    with qtbot.waitSignal(other.autosave.restored, timeout=WAIT):
        other.restore_bar.restore_button.click()
    wait_idle(other)
    assert other.session.backbone == "vit_b"
    assert other.session.variant is Variant.ADAPTED


def test_a_full_disk_is_told_once_and_tried_again(
    qtbot: Any, segmented: Any, widget: Any, told: list[str], monkeypatch: pytest.MonkeyPatch,
    wait_saved: Any,
) -> None:  # fmt: skip
    labels, folder = segmented

    def fail(self: Path, content: bytes) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(Path, "write_bytes", fail)
        for column in (4, 5):
            labels.data_setitem((np.array([2]), np.array([3]), np.array([column])), 9)
            with qtbot.waitSignal(widget.autosave.failed, timeout=WAIT):
                widget.autosave.save()
    assert len(told) == 1
    assert "No space left" in told[0]
    assert widget.status.text().startswith("Your work is not saved: cannot write")
    labels.data_setitem((np.array([0]), np.array([3]), np.array([4])), 7)
    wait_saved(widget)
    assert read_record(folder).objects == 3
    assert not widget.status.text().startswith("Your work is not saved")


def test_prompts_alone_are_kept(
    qtbot: Any, viewer: Any, widget: Any, stack: Any, wait_saved: Any, reopen: Any
) -> None:
    points = viewer.add_points([[1, 5, 5], [0, 7, 8]], features={"label": [1, 0]})
    widget.segment_view.points.show_value(points)
    wait_saved(widget)
    close(qtbot, widget)
    viewer, other = reopen()
    assert other.restore_bar.text.text().startswith("1 box, 2 points from")
    with qtbot.waitSignal(other.autosave.restored, timeout=WAIT):
        other.restore_bar.restore_button.click()
    restored = viewer.layers["Points"]
    np.testing.assert_allclose(restored.data, points.data)
    assert list(restored.features["label"]) == [1, 0]


def test_saving_begins_in_time_while_changes_go_on(qtbot: Any, segmented: Any, widget: Any) -> None:
    labels, folder = segmented
    assert Settings().autosave_seconds + LONGEST_MORE_MS / 1000 < 5
    autosave: Autosave = widget.autosave
    autosave._timer._latest.setInterval(200)
    column = iter(range(60))

    def paint() -> bool:
        labels.data_setitem((np.array([2]), np.array([3]), np.array([next(column)])), 9)
        return bool(read_record(folder).objects == 2)

    qtbot.waitUntil(paint, timeout=WAIT)


def test_the_user_chooses_where_the_work_is(
    qtbot: Any, segmented: Any, widget: Any, reopen: Any, tmp_path: Path
) -> None:
    with qtbot.waitSignal(widget.autosave.saved, timeout=WAIT) as signal:
        widget.work_view.folder_chosen.emit(str(tmp_path / "mine"))
    assert Path(signal.args[0]).is_relative_to(tmp_path / "mine")
    assert str(tmp_path / "mine") in widget.work_view.saved.toolTip()
    close(qtbot, widget)
    _, other = reopen()
    assert other.restore_bar.text.text().startswith("1 object")


def test_a_place_that_cannot_be_written_is_told_once_and_another_one_helps(
    qtbot: Any, viewer: Any, stack: Any, library: Any, told: list[str], tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("NAPARI_CATSAM_PROJECTS", str(tmp_path / "file"))
    widget = CatsamWidget(viewer, Session(library=library))
    with qtbot.waitSignal(widget.autosave.failed, timeout=WAIT):
        pass
    with qtbot.waitSignal(widget.autosave.failed, timeout=WAIT):
        viewer.layers["boxes"].add(RECTANGLES[0] + [0, 15, 0], shape_type="rectangle")
    assert len(told) == 1
    assert widget.work_view.saved.text() == "not saved"
    with qtbot.waitSignal(widget.autosave.saved, timeout=WAIT) as signal:
        widget.autosave.keep_in(str(tmp_path / "mine"))
    assert read_record(Path(signal.args[0])).drawn == 2
    close(qtbot, widget)


def test_two_viewers_of_one_image_keep_apart(
    qtbot: Any, segmented: Any, widget: Any, reopen: Any, wait_saved: Any
) -> None:
    _, folder = segmented
    viewer, other = reopen()
    assert not other.restore_bar.isVisibleTo(other)
    viewer.add_labels(np.full((3, 40, 60), 5), scale=(2, 0.5, 0.5))
    assert wait_saved(other) != folder
    assert read_record(folder).objects == 1


def test_a_widget_that_is_closed_with_unsaved_work_is_freed_and_the_work_written(
    qtbot: Any, viewer: Any, stack: Any, library: Any, wait_saved: Any
) -> None:
    labels = viewer.add_labels(np.zeros((3, 40, 60), int), scale=(2, 0.5, 0.5))
    widget = CatsamWidget(viewer, Session(library=library))
    folder = wait_saved(widget)
    labels.paint((0, 5, 5), 4)
    gone = [weakref.ref(widget), weakref.ref(widget.autosave)]
    widget.close()
    del widget

    def is_done() -> bool:
        gc.collect()
        return all(freed() is None for freed in gone) and read_record(folder).objects == 1

    qtbot.waitUntil(is_done, timeout=WAIT)
    labels.paint((1, 5, 5), 4)  # listened to no more


@pytest.mark.parametrize("seed", range(4))
def test_after_any_edits_what_is_saved_is_what_is_seen(
    qtbot: Any, viewer: Any, stack: Any, widget: Any, wait_saved: Any, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    labels = viewer.add_labels(np.zeros((3, 40, 60), np.int32), scale=(2, 0.5, 0.5))

    def at() -> tuple[int, int, int]:
        z, y, x = (int(rng.integers(size)) for size in (3, 40, 60))
        return z, y, x

    def show() -> None:
        labels.visible = True  # napari cannot write into a hidden layer after moving on

    def hide() -> None:
        labels.visible = False

    def paint() -> None:
        show()
        labels.paint(at(), int(rng.integers(1, 9)))

    def fill() -> None:
        show()
        labels.fill(at(), int(rng.integers(1, 9)))

    def set_item() -> None:
        show()
        where = tuple(np.array(axis) for axis in zip(*(at() for _ in range(4)), strict=True))
        labels.data_setitem(where, int(rng.integers(5)))

    actions: list[Callable[[], object]] = [
        paint,
        fill,
        set_item,
        labels.undo,
        labels.undo,
        labels.redo,
        lambda: viewer.dims.set_current_step(0, int(rng.integers(3))),
        lambda: setattr(viewer.dims, "order", tuple(rng.permutation(3).tolist())),
        hide,
        lambda: setattr(labels, "n_edit_dimensions", int(rng.integers(2, 4))),
        widget.autosave.save,
    ]
    for number in rng.integers(len(actions), size=200):
        actions[number]()
    show()
    folder = wait_saved(widget)
    (array,) = read_project(folder).arrays
    np.testing.assert_array_equal(array, labels.data)


PROMPTS = (
    LivePrompt((20.0, 30.0)),
    LivePrompt((2.0, 3.0), positive=False),
    LivePrompt((5.5, 5.5, 25.5, 25.5), True, ((5.0, 5.0), (5.0, 25.0), (25.0, 15.0))),
)


@pytest.fixture
def begun(viewer: Any, widget: Any, wait_idle: Any) -> Any:
    """Begin an object on the last plane, and accept nothing."""
    viewer.add_image(VOLUME, name="cells", scale=(2, 0.5, 0.5))
    viewer.dims.set_current_step(0, 2)
    widget.live_view.annotate.click()
    for prompt in PROMPTS:
        widget.commands.live.give(prompt)
    wait_idle(widget)
    return widget


def test_an_object_that_was_begun_is_gone_on_with(
    qtbot: Any, begun: Any, reopen: Any, wait_idle: Any, wait_saved: Any
) -> None:
    close(qtbot, begun)  # while it is annotated, without a saving before
    viewer, other = reopen()
    assert other.restore_bar.text.text().startswith("1 object begun from 20")
    with qtbot.waitSignal(other.autosave.restored, timeout=WAIT):
        other.restore_bar.restore_button.click()
    assert [layer.name for layer in viewer.layers] == ["cells"]
    assert "press Annotate" in other.session.note
    viewer.dims.set_current_step(0, 0)
    other.live_view.annotate.click()
    wait_idle(other)
    assert other.session.live.prompts == PROMPTS
    assert other.session.live.answered
    assert viewer.dims.current_step[0] == 2
    other.live_view.accept.click()
    assert viewer.layers["cells masks"].data[2].any()
    assert read_record(wait_saved(other)).live == ()


def test_an_object_that_waits_is_saved_until_it_is_gone_on_with(
    qtbot: Any, begun: Any, reopen: Any, wait_saved: Any
) -> None:
    close(qtbot, begun)
    viewer, other = reopen()
    with qtbot.waitSignal(other.autosave.restored, timeout=WAIT):
        other.restore_bar.restore_button.click()
    labels = viewer.add_labels(np.zeros((3, 40, 60), int), scale=(2, 0.5, 0.5))
    labels.data_setitem((np.array([2]), np.array([3]), np.array([4])), 9)
    (record,) = read_record(wait_saved(other)).live
    assert len(record.data) == 3


def test_prompts_are_saved_while_the_object_is_annotated(
    qtbot: Any, begun: Any, wait_saved: Any
) -> None:
    folder = wait_saved(begun)
    (record,) = read_record(folder).live
    assert record.types == ["click", "click", "outline"]
    assert record.features == {"positive": [True, False, True]}
    begun.commands.live.undo()
    wait_saved(begun)
    assert read_record(folder).live[0].types == ["click", "click"]
    begun.live_view.annotate.click()  # to end is to drop it
    wait_saved(begun)
    assert read_record(folder).live == ()


def test_prompts_are_saved_with_their_image_while_another_one_is_chosen(
    qtbot: Any, viewer: Any, begun: Any, wait_saved: Any
) -> None:
    folder = wait_saved(begun)
    viewer.add_image(np.zeros((30, 30)), name="other")
    view = begun.segment_view
    view.image.show_value(viewer.layers["other"])
    view.image.chosen.emit(view.image.value)
    begun.commands.live.give(LivePrompt((9.0, 9.0)))
    wait_saved(begun)
    assert len(read_record(folder).live[0].data) == 4
    begun.commands.live.clear()
    wait_saved(begun)
    assert read_record(folder).live == ()
    others = [read_record(path.parent) for path in folder.parent.parent.rglob("project.json")]
    assert [record.image.name for record in others] == ["cells"]


def add_dna(viewer: Any) -> Any:
    return viewer.add_image(VOLUME[::-1], name="dna", scale=(2, 0.5, 0.5))


@pytest.fixture
def coloured(viewer: Any, segmented: Any, widget: Any, wait_saved: Any) -> Path:
    """Choose channels of two layers, and save."""
    dna = add_dna(viewer)
    picks = (dna.unique_id, None, viewer.layers["cells"].unique_id)
    widget.session.channels = ChannelChoice(picks)
    folder: Path = wait_saved(widget)
    assert read_record(folder).channels.picks == ("dna", None, "cells")
    return folder


@pytest.mark.parametrize("present", [True, False])
def test_channels_are_restored_where_their_layers_are_open(
    qtbot: Any, coloured: Path, widget: Any, reopen: Any, present: bool
) -> None:
    close(qtbot, widget)
    viewer, other = reopen()
    dna = add_dna(viewer) if present else None
    with qtbot.waitSignal(other.autosave.restored, timeout=WAIT):
        other.restore_bar.restore_button.click()
    picks = (dna and dna.unique_id, None, viewer.layers["cells"].unique_id)
    assert other.session.channels == (ChannelChoice(picks) if present else AS_SHOWN)


def test_channels_along_an_axis_are_restored(
    qtbot: Any, segmented: Any, widget: Any, reopen: Any
) -> None:
    widget.session.channels = choice = ChannelChoice((2, None, 0), axis=0)
    close(qtbot, widget)  # at once
    _, other = reopen()
    with qtbot.waitSignal(other.autosave.restored, timeout=WAIT):
        other.restore_bar.restore_button.click()
    assert other.session.channels == choice


@pytest.mark.parametrize("leave", ["another image", "closing the viewer"])
def test_channels_stay_with_the_image_that_is_left(
    qtbot: Any, viewer: Any, coloured: Path, widget: Any, leave: str, wait_saved: Any
) -> None:
    if leave == "another image":
        viewer.add_image(np.zeros((30, 30)), name="other")
        view = widget.segment_view
        view.image.show_value(viewer.layers["other"])
        view.image.chosen.emit(view.image.value)
        wait_saved(widget)
    else:
        viewer.layers.clear()
    assert widget.session.channels == AS_SHOWN
    close(qtbot, widget)
    assert read_record(coloured).channels.picks == ("dna", None, "cells")


def test_a_project_from_before_choices_were_kept_is_read(segmented: Any) -> None:
    path = segmented[1] / "project.json"
    content = json.loads(path.read_text())
    for name in ("channels", "classes", "object_class"):
        del content[name]
    path.write_text(json.dumps(content))
    record = read_record(path.parent)
    assert record.channels.picks == record.classes == ()
    assert record.object_class == ""


def test_classes_are_restored_that_no_object_has(
    qtbot: Any, segmented: Any, widget: Any, reopen: Any
) -> None:
    widget.session.choose_class("nucleus")
    with qtbot.waitSignal(widget.autosave.saved, timeout=WAIT):  # nobody asks to save it
        widget.session.choose_class("debris")
    close(qtbot, widget)
    _, other = reopen()
    assert other.session.classes == ("object",)
    with qtbot.waitSignal(other.autosave.restored, timeout=WAIT):
        other.restore_bar.restore_button.click()
    assert other.session.classes == ("object", "nucleus", "debris")
    assert other.session.object_class == "debris"


def test_classes_are_there_in_a_widget_that_is_opened_again(
    qtbot: Any, viewer: Any, segmented: Any, widget: Any, library: Any, wait_saved: Any
) -> None:
    widget.session.add_classes(["nucleus"])
    close(qtbot, widget)
    again = CatsamWidget(viewer, Session(library=library))
    qtbot.waitUntil(lambda: all(p.opened for p in again.autosave._projects), timeout=WAIT)
    assert again.session.classes == ("object", "nucleus")
    assert read_record(wait_saved(again)).classes == ("object", "nucleus")
    again.close()
