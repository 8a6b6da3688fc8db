"""Exporting from the dock: in a thread, with what was there when it was asked for."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from qtpy.QtWidgets import QFileDialog

from napari_catsam.exchange import read_coco, read_label_tiff, read_label_zarr
from napari_catsam.plugin import export_panel
from napari_catsam.plugin.dock.work_view import add_suffix
from tests.plugin.conftest import WAIT


@pytest.fixture
def masks(viewer: Any, widget: Any) -> Any:
    """Two objects of a class each, on an image with a scale."""
    viewer.add_image(np.zeros((40, 60), np.uint8), name="cells", scale=(0.5, 0.25))
    labels = viewer.add_labels(
        np.zeros((40, 60), np.int32),
        name="mine",
        scale=(0.5, 0.25),
        features={"index": [0, 1, 2], "class": ["", "nucleus", "cell"]},
    )
    labels.data[5:15, 10:20] = 1
    labels.data[25:35, 30:50] = 2
    widget.segment_view.target.show_value(labels)
    return labels


@pytest.fixture
def held_save(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Let writing a TIFF wait for an event; note the thread it runs in."""
    gate, save = threading.Event(), export_panel.save_tiff
    gate.threads = []

    def wait_and_save(*args: Any) -> list[str]:
        gate.threads.append(threading.get_ident())
        assert gate.wait(WAIT / 1000)
        return save(*args)

    monkeypatch.setattr(export_panel, "save_tiff", wait_and_save)
    return gate


def export(qtbot: Any, widget: Any, path: Path) -> Path:
    widget.work_view.export_requested.emit(str(path))
    qtbot.waitUntil(lambda: not widget.work_view.exporting.text(), timeout=WAIT)
    return path


def test_masks_are_written_as_tiff_with_their_scale(
    qtbot: Any, widget: Any, masks: Any, tmp_path: Path
) -> None:
    read = read_label_tiff(export(qtbot, widget, tmp_path / "mine.tif"))
    np.testing.assert_array_equal(read.labels, masks.data)
    np.testing.assert_allclose(read.scale, (0.5, 0.25))
    assert widget.session.note == f"mine exported to {tmp_path / 'mine.tif'}"


def test_masks_are_written_as_zarr(qtbot: Any, widget: Any, masks: Any, tmp_path: Path) -> None:
    read = read_label_zarr(export(qtbot, widget, tmp_path / "mine.ome.zarr"))
    np.testing.assert_array_equal(read.labels[...], masks.data)


def test_masks_are_written_as_coco_with_their_classes(
    qtbot: Any, widget: Any, masks: Any, tmp_path: Path
) -> None:
    (image,) = read_coco(export(qtbot, widget, tmp_path / "mine.json"))
    assert dict(image.classes) == {1: "nucleus", 2: "cell"}
    assert sorted(np.unique(image.labels)) == [0, 1, 2]


def test_coco_names_the_image_that_the_masks_lie_on(
    qtbot: Any, window: Any, docked: Any, tmp_path: Path
) -> None:
    from skimage.io import imsave

    imsave(tmp_path / "photo.png", np.zeros((40, 60), np.uint8), check_contrast=False)
    window.open(tmp_path / "photo.png", plugin="napari")
    data = np.zeros((40, 60), np.int32)
    data[5:15, 10:20] = 1
    docked.segment_view.target.show_value(window.add_labels(data))
    (image,) = read_coco(export(qtbot, docked, tmp_path / "mine.json"))
    assert image.name == "photo.png"


def test_the_window_lives_while_masks_are_written(
    qtbot: Any, widget: Any, masks: Any, held_save: Any, tmp_path: Path
) -> None:
    widget.work_view.export_requested.emit(str(tmp_path / "mine.tif"))
    assert widget.work_view.exporting.text() == "exporting…"
    qtbot.waitUntil(lambda: bool(held_save.threads), timeout=WAIT)
    before = masks.data.copy()
    masks.data[:] = 7
    held_save.set()
    qtbot.waitUntil(lambda: not widget.work_view.exporting.text(), timeout=WAIT)
    assert threading.get_ident() not in held_save.threads
    np.testing.assert_array_equal(read_label_tiff(tmp_path / "mine.tif").labels, before)


def test_work_is_saved_while_masks_are_written(
    qtbot: Any, widget: Any, masks: Any, held_save: Any, tmp_path: Path
) -> None:
    widget.work_view.export_requested.emit(str(tmp_path / "mine.tif"))
    with qtbot.waitSignal(widget.autosave.saved, timeout=WAIT):
        widget.autosave.save()
    assert not (tmp_path / "mine.tif").exists()
    held_save.set()


def test_what_was_asked_for_is_written_after_the_widget_is_closed(
    qtbot: Any, widget: Any, masks: Any, held_save: Any, tmp_path: Path
) -> None:
    widget.work_view.export_requested.emit(str(tmp_path / "mine.tif"))
    widget.close()
    held_save.set()
    qtbot.waitUntil((tmp_path / "mine.tif").exists, timeout=WAIT)
    assert "exported" not in widget.session.note


def test_the_labels_may_be_deleted_meanwhile(
    qtbot: Any, viewer: Any, widget: Any, masks: Any, held_save: Any, tmp_path: Path
) -> None:
    widget.work_view.export_requested.emit(str(tmp_path / "mine.tif"))
    viewer.layers.remove(masks)
    held_save.set()
    qtbot.waitUntil(lambda: not widget.work_view.exporting.text(), timeout=WAIT)
    assert read_label_tiff(tmp_path / "mine.tif").labels.max() == 2


def test_a_file_that_cannot_be_written_is_one_sentence(
    qtbot: Any, widget: Any, masks: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[str] = []
    monkeypatch.setattr(export_panel, "show_error", told.append)
    export(qtbot, widget, tmp_path / "missing" / "mine.tif")
    assert len(told) == 1
    assert told[0].startswith("cannot export: ")
    assert widget.session.note == told[0]


def test_without_masks_it_says_what_to_do(widget: Any, tmp_path: Path) -> None:
    widget.work_view.export_requested.emit(str(tmp_path / "mine.tif"))
    assert "segment an object" in widget.session.note
    assert not widget.work_view.exporting.text()


def test_the_button_asks_where_and_in_which_form(
    qtbot: Any, widget: Any, masks: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    chosen = (str(tmp_path / "mine"), "labels as OME-Zarr (*.ome.zarr)")
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: chosen)
    widget.work_view.export_button.click()
    qtbot.waitUntil(lambda: not widget.work_view.exporting.text(), timeout=WAIT)
    assert read_label_zarr(tmp_path / "mine.ome.zarr").labels.shape == (40, 60)


@pytest.mark.parametrize(
    ("path", "chosen", "expected"),
    [
        ("a", "objects as COCO (*.json)", "a.json"),
        ("a.tiff", "objects as COCO (*.json)", "a.tiff"),
        ("a.b", "", "a.b.tif"),
        ("a.OME.ZARR", "labels as TIFF with their scale (*.tif)", "a.OME.ZARR"),
        ("a", "objects of a georeferenced image as GeoJSON (*.geojson)", "a.geojson"),
        ("a.geojson", "objects as COCO (*.json)", "a.geojson"),
    ],
)
def test_a_name_gets_the_end_of_the_chosen_form(path: str, chosen: str, expected: str) -> None:
    assert add_suffix(path, chosen) == expected
