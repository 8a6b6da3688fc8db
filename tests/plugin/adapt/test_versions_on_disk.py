"""The versions of a session survive a restart: kept in the project as files, and brought back."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from napari.components import ViewerModel
from napari.layers import Labels
from napari.layers._source import layer_source
from qtpy.QtCore import QMimeData, QPoint, QPointF, Qt, QUrl
from qtpy.QtGui import QDragEnterEvent, QDropEvent

from napari_catsam.errors import AdapterError
from napari_catsam.plugin.adapt.versions import AdapterVersion, add_versions
from napari_catsam.plugin.catsam_widget import CatsamWidget
from napari_catsam.plugin.project.adapter_files import AdapterFiles
from napari_catsam.plugin.project.reading import read_record
from napari_catsam.plugin.project.record import ModelRecord
from napari_catsam.plugin.session import Session, Variant

WAIT = 10_000
MODEL = ModelRecord("vit_nano")


@dataclass
class Numbered:
    """An adapter whose values are a number, and which is a file of that number."""

    value: int
    header: Any = field(
        default_factory=lambda: SimpleNamespace(
            method="cat-a", backbone="vit_nano", score_before=0.5, score_after=0.7, note=""
        )
    )

    @property
    def sha256(self) -> str:
        return f"{self.value:064d}"[::-1]

    def save(self, path: Path) -> Path:
        path.write_text(str(self.value))
        return path


def read_numbered(path: Path) -> Numbered:
    text = path.read_text() if path.exists() else "no number"
    if not text.isdigit():
        raise AdapterError(f"{path} is no adapter")
    return Numbered(int(text))


@pytest.fixture
def open_widget(qtbot: Any, library: Any) -> Any:
    """Open the same image in a viewer of its own, as after a restart."""
    library.load_adapter = read_numbered
    widgets: list[CatsamWidget] = []

    def make() -> CatsamWidget:
        viewer = ViewerModel()
        viewer.add_image(np.arange(2400, dtype=np.uint16).reshape(40, 60), name="cells")
        widget = CatsamWidget(viewer, Session(library=library))
        widgets.append(widget)
        qtbot.waitUntil(lambda: all(p.opened for p in widget.autosave._projects), timeout=WAIT)
        return widget

    yield make
    for widget in widgets:
        widget.close()


@pytest.fixture
def save(qtbot: Any) -> Callable[[CatsamWidget], Path]:
    def wait(widget: CatsamWidget) -> Path:
        with qtbot.waitSignal(widget.autosave.saved, timeout=WAIT) as signal:
            widget.autosave.save()
        return Path(signal.args[0])

    return wait


@pytest.fixture
def annotated(open_widget: Any) -> CatsamWidget:
    """Open a widget with a mask, so that there is work to save, and two versions."""
    widget: CatsamWidget = open_widget()
    masks = np.zeros((40, 60), int)
    masks[4:9, 5:9] = 1
    widget._viewer.add_labels(masks, name="masks")
    first, second = Numbered(11), Numbered(22)
    widget.session.keep_adapter(first)
    widget.session.keep_adapter(second, first)
    widget.session.write_note(widget.session.versions[0], "sharp slices alone")
    return widget


def close(qtbot: Any, widget: CatsamWidget) -> None:
    stores = [project.store for project in widget.autosave._projects]
    widget.close()
    qtbot.waitUntil(lambda: all(store.closed for store in stores), timeout=WAIT)


def restore(qtbot: Any, widget: CatsamWidget, wait_idle: Any) -> None:
    with qtbot.waitSignal(widget.autosave.restored, timeout=WAIT):
        widget.restore_bar.restore_button.click()
    wait_idle(widget)


def known(widget: CatsamWidget) -> list[tuple[int, str, str, str, int]]:
    versions = widget.session.versions
    return [(v.number, v.name, v.parent, v.note, v.adapter.value) for v in versions]


def test_all_versions_are_there_after_a_restart_and_the_same_one_is_in_use(
    qtbot: Any, annotated: CatsamWidget, open_widget: Any, save: Any, wait_idle: Any
) -> None:
    annotated.session.use_version(annotated.session.versions[0])
    save(annotated)
    close(qtbot, annotated)
    again = open_widget()
    restore(qtbot, again, wait_idle)
    assert known(again) == [(1, "v1", "", "sharp slices alone", 11), (2, "v2", "v1", "", 22)]
    assert str(again.session.model) == "vit_nano + v1"
    rows = again.adapt_view.versions.list
    assert [rows.item(row).text().split(" · ")[0] for row in range(rows.count())] == [
        "base model", "v1", "v2 (from v1)",
    ]  # fmt: skip
    # The next one goes on from them.
    again.session.keep_adapter(Numbered(33))
    assert known(again)[-1][:2] == (3, "v3")


def test_after_a_restart_with_the_base_model_the_adapter_can_be_compared_with(
    qtbot: Any, annotated: CatsamWidget, open_widget: Any, save: Any, wait_idle: Any
) -> None:
    annotated.session.use_version(None)
    save(annotated)
    close(qtbot, annotated)
    again = open_widget()
    restore(qtbot, again, wait_idle)
    session = again.session
    assert (session.variant, str(session.model)) == (Variant.BASE, "vit_nano")
    assert session.compare()
    assert str(session.model) == "vit_nano + v2"


def test_after_a_restart_the_base_model_of_another_backbone_is_in_use_as_it_was(
    qtbot: Any, annotated: CatsamWidget, open_widget: Any, save: Any, wait_idle: Any
) -> None:
    annotated.session.choose_backbone("vit_b")
    save(annotated)
    close(qtbot, annotated)
    again = open_widget()
    restore(qtbot, again, wait_idle)
    session = again.session
    assert [version.name for version in session.versions] == ["v1", "v2"]
    assert (str(session.model), session.adapter_name) == ("vit_b", "v2")
    session.choose_backbone("vit_nano")
    assert session.compare()
    assert str(session.model) == "vit_nano + v2"


def test_a_deleted_version_is_deleted_on_disk_and_stays_so(
    qtbot: Any, annotated: CatsamWidget, open_widget: Any, save: Any, wait_idle: Any
) -> None:
    folder = save(annotated)
    assert len(list((folder / "adapters").iterdir())) == 2
    annotated.session.delete_version(annotated.session.versions[0])
    save(annotated)
    (file,) = (folder / "adapters").iterdir()
    assert file.read_text() == "22"
    close(qtbot, annotated)
    again = open_widget()
    restore(qtbot, again, wait_idle)
    assert [version[-1] for version in known(again)] == [22]


def test_versions_that_are_not_loaded_yet_are_not_forgotten(
    qtbot: Any, annotated: CatsamWidget, open_widget: Any, save: Any
) -> None:
    folder = save(annotated)
    close(qtbot, annotated)
    again = open_widget()
    with qtbot.waitSignal(again.autosave.restored, timeout=WAIT):
        again.restore_bar.restore_button.click()
    save(again)  # while the adapters are being read
    assert [version.name for version in read_record(folder).model.versions] == ["v1", "v2"]


def test_a_damaged_file_is_told_and_the_others_come_back(
    qtbot: Any, annotated: CatsamWidget, open_widget: Any, save: Any, wait_idle: Any
) -> None:
    folder = save(annotated)
    file = folder / read_record(folder).model.versions[0].file
    close(qtbot, annotated)
    file.write_text("broken")
    again = open_widget()
    restore(qtbot, again, wait_idle)
    assert [version[-1] for version in known(again)] == [22]
    assert again.session.note == "1 adapter of an earlier time cannot be read"


def test_versions_trained_on_labels_of_a_file_are_there_after_a_restart(
    qtbot: Any, open_widget: Any, wait_idle: Any
) -> None:
    widget = open_widget()
    with layer_source(path="masks.tif"):
        masks = Labels(np.ones((40, 60), int), name="masks")
    widget._viewer.add_layer(masks)
    widget.session.keep_adapter(Numbered(11))
    widget._viewer.layers.clear()  # as when the window is closed
    close(qtbot, widget)
    again = open_widget()
    assert again.restore_bar.text.text().startswith("1 adapter from 20")
    restore(qtbot, again, wait_idle)
    assert known(again) == [(1, "v1", "", "", 11)]
    assert str(again.session.model) == "vit_nano + v1"


def test_versions_are_offered_after_their_masks_were_deleted(
    qtbot: Any, annotated: CatsamWidget, open_widget: Any, save: Any
) -> None:
    save(annotated)
    annotated._viewer.layers.remove("masks")
    save(annotated)
    close(qtbot, annotated)
    assert open_widget().restore_bar.text.text().startswith("2 adapters from 20")


def test_an_image_that_is_only_looked_at_gets_no_folder_for_versions_of_another(
    qtbot: Any, annotated: CatsamWidget, save: Any
) -> None:
    folder = save(annotated)
    annotated._viewer.add_image(np.zeros((30, 30)), name="other")
    view = annotated.segment_view
    view.image.show_value(annotated._viewer.layers["other"])
    view.image.chosen.emit(view.image.value)
    qtbot.waitUntil(lambda: all(p.opened for p in annotated.autosave._projects), timeout=WAIT)
    save(annotated)
    (written,) = folder.parent.parent.rglob("project.json")
    assert written.parent == folder


def test_a_project_from_before_versions_is_read(tmp_path: Path, annotated: Any, save: Any) -> None:
    folder = save(annotated)
    content = json.loads((folder / "project.json").read_text())
    del content["model"]["versions"]
    (folder / "project.json").write_text(json.dumps(content))
    assert read_record(folder).model.versions == ()


# FILES


def make_version(number: int) -> AdapterVersion:
    return AdapterVersion(number, Numbered(number), f"v{number}")


def test_each_version_is_written_once(tmp_path: Path) -> None:
    files, version = AdapterFiles(), make_version(1)
    record = files.write(tmp_path, MODEL, [version], version.adapter)
    (known,) = record.versions
    assert record.adapter == known.file
    (tmp_path / known.file).write_text("as it was")
    noted = replace(version, note="good")
    record = files.write(tmp_path, MODEL, [noted, make_version(2)], None)
    assert (tmp_path / known.file).read_text() == "as it was"
    assert [one.note for one in record.versions] == ["good", ""]
    assert record.adapter == ""


def test_an_adapter_that_is_no_version_is_written_too(tmp_path: Path) -> None:
    record = AdapterFiles().write(tmp_path, MODEL, [make_version(1)], Numbered(5))
    assert (tmp_path / record.adapter).read_text() == "5"


def test_earlier_versions_of_the_session_are_not_listed_twice(tmp_path: Path) -> None:
    first = AdapterFiles().write(tmp_path, MODEL, [make_version(1), make_version(2)], None)
    files = AdapterFiles()
    files.adopt(first)
    record = files.write(tmp_path, MODEL, [make_version(2), make_version(3)], None)
    assert [one.name for one in record.versions] == ["v1", "v2", "v3"]
    record = files.write(tmp_path, MODEL, [make_version(3)], None)
    assert [one.name for one in record.versions] == ["v1", "v3"]
    assert sorted(p.read_text() for p in (tmp_path / "adapters").iterdir()) == ["1", "3"]


def test_versions_of_an_earlier_time_get_free_numbers_and_are_there_once() -> None:
    here = (make_version(1), make_version(2))
    other = AdapterVersion(1, Numbered(9), "v1", note="old")
    found = add_versions(here, (other, make_version(2), make_version(4)))
    assert [(v.number, v.name, v.adapter.value) for v in found] == [
        (1, "v1", 1), (2, "v2", 2), (4, "v4", 4), (5, "v1 (earlier)", 9),
    ]  # fmt: skip


# FROM A FILE


@pytest.mark.parametrize("name", ["mine.safetensors", "mine.txt"])
def test_a_file_can_be_dropped_anywhere_on_the_panel_before_there_is_a_version(
    widget: Any, wait_idle: Any, tmp_path: Path, name: str
) -> None:
    path = tmp_path / name
    path.write_text("vit_nano")
    view = widget.adapt_view
    assert view.versions.isHidden()
    content = QMimeData()
    content.setUrls([QUrl.fromLocalFile(str(path))])
    copy, left = Qt.DropAction.CopyAction, Qt.MouseButton.LeftButton
    none = Qt.KeyboardModifier.NoModifier
    enter = QDragEnterEvent(QPoint(5, 5), copy, content, left, none)
    enter.setAccepted(False)
    view.dragEnterEvent(enter)
    drop = QDropEvent(QPointF(5, 5), copy, content, left, none)
    drop.setAccepted(False)
    view.dropEvent(drop)
    wait_idle(widget)
    loaded = name.endswith(".safetensors")
    assert (enter.isAccepted(), drop.isAccepted()) == (loaded, loaded)
    assert [version.name for version in widget.session.versions] == ["mine"] * loaded
    assert view.versions.isHidden() != loaded
