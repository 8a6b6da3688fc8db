"""Adapters as versions: named, used, gone back to, noted, deleted, gone on from."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from qtpy.QtCore import QMimeData, QPointF, Qt, QUrl
from qtpy.QtGui import QDropEvent

from napari_catsam.plugin.adapt.versions import describe_version, find_verdict, make_version
from napari_catsam.plugin.adapt.versions_view import VersionsView
from napari_catsam.plugin.session import Session, Variant


@pytest.fixture
def session(library: Any) -> Session:
    return Session(library=library)


def test_a_version_is_named_by_what_it_learnt_and_how_well(
    adapter_factory: Callable[..., Any],
) -> None:
    adapter = adapter_factory(0.712, 0.781)
    adapter.header.shots = (SimpleNamespace(objects=3), SimpleNamespace(objects=1))
    version = make_version((), adapter)
    assert describe_version(version) == "v1 · cat-a · 4 masks · 0.71 → 0.78"
    later = make_version((version,), adapter, parent="v1")
    assert describe_version(later) == "v2 (from v1) · cat-a · 4 masks · 0.71 → 0.78"


def test_an_adapter_without_scores_has_a_name_too(adapter_factory: Callable[..., Any]) -> None:
    adapter = adapter_factory(None, None)
    assert describe_version(make_version((), adapter, "from a file")) == "from a file · cat-a"


def test_the_verdict_is_the_sentence_of_the_header() -> None:
    words = "not better than the base model: IoU +0.001, on 4 objects a gain counts from 0.010 on"
    note = f"my words; scored on 4 objects held out; {words}"
    assert find_verdict(SimpleNamespace(note=note)) == words
    assert find_verdict(SimpleNamespace(note="my words")) == ""


def test_every_adaptation_is_kept_as_a_version(
    session: Session, adapter_factory: Callable[..., Any]
) -> None:
    good, bad = adapter_factory(0.5, 0.7), adapter_factory(0.5, 0.4)
    session.keep_adapter(good)
    session.keep_adapter(bad)
    assert [(v.name, v.adapter) for v in session.versions] == [("v1", good), ("v2", bad)]


def test_a_training_that_did_not_help_leaves_in_use_what_is(
    session: Session, adapter_factory: Callable[..., Any]
) -> None:
    first, other, worse = (adapter_factory(0.5, score) for score in (0.7, 0.8, 0.4))
    session.keep_adapter(first)
    assert not session.keep_adapter(worse)
    assert str(session.model) == "vit_nano + v1"
    session.open_adapter(other, "mine")
    session.keep_adapter(worse, first)
    assert str(session.model) == "vit_nano + mine"
    session.use_version(None)
    session.keep_adapter(worse, first)
    assert str(session.model) == "vit_nano"
    assert session.adapter is worse  # what the base model is compared with
    session.choose_backbone("vit_b")
    session.keep_adapter(worse, first)
    assert str(session.model) == "vit_b"


@pytest.mark.parametrize("helps", [True, False])
def test_an_adapter_for_a_backbone_that_is_chosen_no_more_waits(
    session: Session, adapter_factory: Callable[..., Any], helps: bool
) -> None:
    large = adapter_factory(0.5, 0.9, "vit_b")
    session.open_adapter(large, "large")
    assert session.keep_adapter(adapter_factory(0.5, 0.7 if helps else 0.4)) is helps
    assert str(session.model) == "vit_b + large"
    session.use_version(None)
    session.keep_adapter(adapter_factory(0.5, 0.75 if helps else 0.3))
    assert str(session.model) == "vit_b"
    assert session.adapter is large  # it still can be compared with
    session.use_version(session.versions[1])
    assert str(session.model) == "vit_nano + v2"


def test_an_earlier_version_can_be_gone_back_to(
    session: Session, adapter_factory: Callable[..., Any]
) -> None:
    first, second = adapter_factory(0.5, 0.6), adapter_factory(0.5, 0.7)
    session.keep_adapter(first)
    session.keep_adapter(second)
    assert str(session.model) == "vit_nano + v2"
    session.use_version(session.versions[0])
    assert session.model.adapter is first
    assert (session.model.tag, session.adaptation_note.split(" · ")[1]) == (
        "v1",
        "IoU 0.500 → 0.600",
    )
    session.use_version(None)
    assert session.model.tag == "base"


def test_a_training_that_went_on_from_a_version_without_gain_leaves_that_in_use(
    session: Session, adapter_factory: Callable[..., Any]
) -> None:
    first, worse = adapter_factory(0.5, 0.7), adapter_factory(0.7, 0.6)
    session.keep_adapter(first)
    assert not session.keep_adapter(worse, first)
    assert session.versions[1].parent == "v1"
    assert session.model.adapter is first


def test_training_goes_on_from_the_chosen_version_on_its_backbone_only(
    session: Session, adapter_factory: Callable[..., Any]
) -> None:
    adapter = adapter_factory(0.5, 0.7)
    session.keep_adapter(adapter)
    assert session.start_model.adapter is None
    session.start = adapter
    assert session.start_model.adapter is adapter
    session.choose_backbone("vit_b")
    assert session.start_model.adapter is None


def test_a_deleted_version_is_used_no_more(
    session: Session, adapter_factory: Callable[..., Any]
) -> None:
    first, second = adapter_factory(0.5, 0.6), adapter_factory(0.5, 0.7)
    session.keep_adapter(first)
    session.keep_adapter(second)
    session.start = first
    session.delete_version(session.versions[0])
    assert session.start is None
    assert session.model.adapter is second
    session.delete_version(session.versions[0])
    assert session.model.adapter is None
    assert session.versions == ()


def test_a_note_stays_with_its_version(
    session: Session, adapter_factory: Callable[..., Any]
) -> None:
    session.keep_adapter(adapter_factory(0.5, 0.7))
    session.write_note(session.versions[0], "without the blurred slices")
    assert describe_version(session.versions[0]).endswith("· without the blurred slices")
    assert session.model.adapter is session.versions[0].adapter


def test_comparing_takes_the_other_model_and_needs_an_adapter(
    session: Session, adapter_factory: Callable[..., Any]
) -> None:
    assert not session.compare()
    session.keep_adapter(adapter_factory(0.5, 0.7))
    assert session.compare()
    assert session.variant is Variant.BASE
    assert session.compare()
    assert session.variant is Variant.ADAPTED


def test_choosing_a_row_asks_for_its_version_and_showing_one_does_not(qtbot: Any) -> None:
    view, asked = VersionsView(), []
    qtbot.addWidget(view)
    view.use_requested.connect(asked.append)
    view.show_versions([(0, "base model"), (2, "v2"), (5, "v5")], 5, "mine")
    assert asked == []
    assert (view.list.currentRow(), view.note.text()) == (2, "mine")
    view.list.setCurrentRow(1)
    assert asked == [2]


@pytest.mark.parametrize("count", [1, 2, 4])
def test_the_list_of_versions_has_room_for_its_rows_and_no_more(qtbot: Any, count: int) -> None:
    view = VersionsView()
    qtbot.addWidget(view)
    view.show()
    view.show_versions([(number, f"v{number}") for number in range(count)], 0, "")
    last = view.list.visualItemRect(view.list.item(count - 1))
    room = view.list.viewport().height()
    assert room - 3 <= last.bottom() < room


def test_of_many_versions_some_are_seen_at_once(qtbot: Any) -> None:
    view = VersionsView()
    qtbot.addWidget(view)
    view.show()
    view.show_versions([(number, f"v{number}") for number in range(20)], 0, "")
    fifth = view.list.visualItemRect(view.list.item(4))
    assert fifth.bottom() < view.list.viewport().height() <= fifth.bottom() + 3


def test_the_base_model_has_no_note_and_is_not_deleted(qtbot: Any) -> None:
    view, deleted = VersionsView(), []
    qtbot.addWidget(view)
    view.delete_requested.connect(deleted.append)
    view.show_versions([(0, "base model"), (2, "v2")], 0, "")
    assert not view.note.isEnabled()
    view.delete.click()
    view.show_versions([(0, "base model"), (2, "v2")], 2, "")
    view.delete.click()
    assert deleted == [2]


def test_a_note_is_told_once_it_is_written(qtbot: Any) -> None:
    view, written = VersionsView(), []
    qtbot.addWidget(view)
    view.note_written.connect(lambda *note: written.append(note))
    view.show_versions([(0, "base model"), (2, "v2")], 2, "")
    view.note.setText("good")
    view.note.editingFinished.emit()
    assert written == [(2, "good")]


def test_a_note_goes_to_the_version_that_it_was_begun_for(qtbot: Any) -> None:
    view, written = VersionsView(), []
    qtbot.addWidget(view)
    view.note_written.connect(lambda *note: written.append(note))
    rows = [(0, "base model"), (1, "v1"), (2, "v2")]
    view.show_versions(rows[:2], 1, "")
    qtbot.keyClicks(view.note, "sharp")
    view.show_versions(rows, 2, "of v2")  # a training has ended
    qtbot.keyClicks(view.note, " slices")
    qtbot.keyClick(view.note, Qt.Key.Key_Return)
    assert written == [(1, "sharp slices")]
    assert view.note.text() == "of v2"
    qtbot.keyClicks(view.note, "!")
    qtbot.keyClick(view.note, Qt.Key.Key_Return)
    assert written[1:] == [(2, "of v2!")]


@pytest.mark.parametrize(("used", "shown"), [(2, "of v2"), (0, "")])
def test_a_note_that_is_typed_for_a_version_that_goes_is_dropped(
    qtbot: Any, used: int, shown: str
) -> None:
    view, written = VersionsView(), []
    qtbot.addWidget(view)
    view.note_written.connect(lambda *note: written.append(note))
    view.show_versions([(0, "base model"), (1, "v1")], 1, "")
    qtbot.keyClicks(view.note, "sharp")
    view.show_versions([(0, "base model"), (2, "v2")], used, shown)
    view.note.editingFinished.emit()
    assert (view.note.text(), written) == (shown, [])


@pytest.mark.parametrize(
    ("names", "taken"), [(["a.safetensors", "b.txt"], ["/x/a.safetensors"]), (["b.txt"], [])]
)
def test_adapter_files_can_be_dropped(qtbot: Any, names: list[str], taken: list[str]) -> None:
    view, dropped = VersionsView(), []
    qtbot.addWidget(view)
    view.files_dropped.connect(dropped.extend)
    content = QMimeData()
    content.setUrls([QUrl.fromLocalFile(f"/x/{name}") for name in names])
    event = QDropEvent(
        QPointF(1, 1), Qt.DropAction.CopyAction, content, Qt.MouseButton.LeftButton,
        Qt.KeyboardModifier.NoModifier,
    )  # fmt: skip
    view.list.dropEvent(event)
    assert dropped == taken
