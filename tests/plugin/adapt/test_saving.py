"""Writing an adapter to a file of the user: which one, under which name."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from qtpy.QtWidgets import QFileDialog, QMessageBox

from napari_catsam.plugin.adapt.versions import add_ending
from napari_catsam.plugin.adapt.view import AdaptView

YES, NO = QMessageBox.StandardButton.Yes, QMessageBox.StandardButton.No


@pytest.mark.parametrize("name", ["polyps", "polyps.v2", "polyps.safetensors", "a.SAFETENSORS"])
def test_a_name_gets_the_end_of_an_adapter_file_once(name: str) -> None:
    whole = add_ending(f"/x/{name}")
    assert Path(whole).suffix.lower() == ".safetensors"
    assert whole.removesuffix(".safetensors") == f"/x/{name}".removesuffix(".safetensors")


@pytest.fixture
def save_as(qtbot: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Press Save… and give a name; returns what was asked, and the names of what is written."""
    view = AdaptView()
    qtbot.addWidget(view)
    view.save_button.setEnabled(True)

    def press(name: str, answer: Any = YES) -> tuple[list[str], list[str]]:
        asked: list[str] = []
        written: list[str] = []

        def question(parent: Any, title: str, text: str) -> Any:
            asked.append(text)
            return answer

        chosen = str(tmp_path / name) if name else ""
        monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (chosen, ""))
        monkeypatch.setattr(QMessageBox, "question", question)
        view.save_requested.connect(lambda path: written.append(Path(path).name))
        view.save_button.click()
        return asked, written

    return press


@pytest.mark.parametrize("name", ["polyps", "polyps.v2"])
@pytest.mark.parametrize("answer", [YES, NO])
def test_a_file_is_replaced_only_if_that_was_asked_by_its_whole_name(
    save_as: Any, tmp_path: Path, name: str, answer: Any
) -> None:
    (tmp_path / f"{name}.safetensors").touch()
    asked, written = save_as(name, answer)
    assert [text.split()[0] for text in asked] == [f"{name}.safetensors"]
    assert written == ([f"{name}.safetensors"] if answer == YES else [])


@pytest.mark.parametrize("name", ["new", "polyps.safetensors", ""])
def test_what_is_free_or_what_the_dialog_has_asked_is_not_asked_again(
    save_as: Any, tmp_path: Path, name: str
) -> None:
    (tmp_path / "polyps.safetensors").touch()
    asked, written = save_as(name)
    assert asked == []
    assert written == ([add_ending(name)] if name else [])


def test_only_a_version_that_is_marked_can_be_saved(
    widget: Any, adapter_factory: Callable[..., Any]
) -> None:
    session, button = widget.session, widget.adapt_view.save_button
    rows = widget.adapt_view.versions.list
    session.keep_adapter(adapter_factory(0.5, 0.4))  # which does not help
    assert (rows.currentRow(), button.isEnabled()) == (0, False)
    rows.setCurrentRow(1)
    assert button.isEnabled()
    session.compare()
    assert (rows.currentRow(), button.isEnabled()) == (0, False)


def test_a_dot_in_the_name_does_not_stand_for_the_end(
    widget: Any, wait_idle: Any, tmp_path: Path, adapter_factory: Callable[..., Any]
) -> None:
    widget.session.keep_adapter(adapter_factory())
    widget.adapt_view.save_requested.emit(str(tmp_path / "polyps.v2"))
    wait_idle(widget)
    assert [path.name for path in tmp_path.iterdir()] == ["polyps.v2.safetensors"]
