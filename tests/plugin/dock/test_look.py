"""The dock as it looks: tooltips, narrow, with large text, in both themes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from napari.settings import get_settings
from qtpy.QtWidgets import (
    QAbstractButton,
    QAbstractItemView,
    QAbstractSlider,
    QAbstractSpinBox,
    QComboBox,
    QLabel,
    QLineEdit,
    QProgressBar,
    QScrollArea,
    QScrollBar,
    QWidget,
)

from napari_catsam.plugin.dock.folding import Fold
from napari_catsam.plugin.dock.icons import IconButton
from napari_catsam.plugin.dock.parts import Row, TextBlock, make_button
from napari_catsam.plugin.guide.steps import Guide
from napari_catsam.plugin.objects.table import CLASS, ObjectRow

CONTROLS = (
    QAbstractButton, QAbstractItemView, QAbstractSlider, QAbstractSpinBox, QComboBox, QLineEdit,
    QProgressBar,
)  # fmt: skip

NARROW = 300
HIGH = 1600
USUAL, LARGE = 9, 14


def is_part(widget: QWidget, top: QWidget) -> bool:
    """Whether a widget belongs to another control, as the field of a spin box does."""
    parent = widget.parentWidget()
    while parent is not None and parent is not top:
        if isinstance(parent, CONTROLS):
            return True
        parent = parent.parentWidget()
    return False


def controls(top: QWidget) -> list[QWidget]:
    """Return all controls, also those that are hidden in this state, without scroll bars."""
    found = [child for child in top.findChildren(QWidget) if isinstance(child, CONTROLS)]
    found = [child for child in found if not isinstance(child, QScrollBar)]
    return [child for child in found if not is_part(child, top)]


@pytest.fixture
def _usual_text() -> Iterator[None]:
    yield
    get_settings().appearance.font_size = USUAL


def test_every_control_says_what_it_does(widget: Any) -> None:
    widget.guide.view.start_button.click()
    found = controls(widget)
    assert len(found) > 50
    silent = [child for child in found if len(child.toolTip()) < 10]
    assert not [f"{type(child).__name__} {child.objectName()}" for child in silent]


def test_the_field_in_which_a_class_is_edited_says_what_it_does(widget: Any) -> None:
    view = widget.objects.view
    view.show_rows([ObjectRow(1, "cell", 40.0, 0.9, 1)], "pixels", "")
    view.rows.edit(view.table.index(0, CLASS))
    (editor,) = view.rows.viewport().findChildren(QComboBox)
    assert len(editor.toolTip()) > 10


def test_labels_of_rows_say_the_same_as_their_fields(widget: Any) -> None:
    labels = {child.text(): child for child in widget.findChildren(QLabel)}
    assert labels["backbone"].toolTip() == widget.segment_view.backbone.toolTip()
    assert labels["time"].toolTip() == widget.adapt_view.budget.toolTip()


@pytest.mark.usefixtures("_usual_text")
@pytest.mark.parametrize(
    ("theme", "size", "annotating"),
    [("dark", USUAL, False), ("light", LARGE, False), ("dark", LARGE, True)],
)
def test_nothing_is_cut_off_in_a_narrow_dock(
    window: Any, docked: Any, qtbot: Any, theme: str, size: int, annotating: bool
) -> None:
    window.theme = theme
    get_settings().appearance.font_size = size
    docked.guide.view.start_button.click()
    docked.guide.guide = Guide(3)
    docked.session.annotating = annotating
    docked.adapt_view.show_score("cat-a · IoU 0.812 → 0.834 · better\nscored on 2 objects held out")
    docked.setFixedSize(NARROW, HIGH)
    window.show()
    qtbot.waitUntil(lambda: docked.isVisible() and docked.width() == NARROW)
    for fold in docked.findChildren(Fold):
        fold.unfold()

    def fits() -> None:
        assert cut_off(docked) == []

    qtbot.waitUntil(fits)


def cut_off(docked: Any) -> list[str]:
    """Name what has too little room."""
    (scroll,) = [area for area in docked.findChildren(QScrollArea) if type(area) is QScrollArea]
    inner, view = scroll.widget(), scroll.viewport()
    assert inner is not None
    assert view is not None
    found = ["the groups"] if inner.width() > view.width() else []
    for button in docked.findChildren(QAbstractButton):
        if button.isVisible() and button.text() and not is_part(button, docked):
            text = button.fontMetrics().horizontalAdvance(button.text())
            text += button.iconSize().width() if isinstance(button, IconButton) else 0
            found += [button.text()] if text > button.width() else []
    for label in docked.findChildren(QLabel):
        if label.wordWrap() and label.isVisible():
            needed = label.heightForWidth(label.width())
            found += [label.text()] if needed > label.height() else []
    return found


def test_a_row_takes_more_lines_when_it_is_too_narrow(qtbot: Any) -> None:
    first, second = (make_button("a rather long text", "a tooltip", print) for _ in range(2))
    row = Row([first, second])
    qtbot.addWidget(row)
    row.resize(600, 80)
    row.show()
    qtbot.waitUntil(lambda: first.y() == second.y() and first.x() < second.x())
    row.resize(first.minimumSizeHint().width() + 10, 80)
    qtbot.waitUntil(lambda: first.y() < second.y() and first.x() == second.x())
    row.resize(600, 80)
    qtbot.waitUntil(lambda: first.y() == second.y())


def test_text_gets_the_height_that_it_needs(qtbot: Any) -> None:
    text = TextBlock("a tooltip")
    qtbot.addWidget(text)
    text.resize(120, 20)
    text.setText("one line")
    low = text.minimumHeight()
    text.setText("a text that is far too long for one line of this width")
    assert text.minimumHeight() >= 3 * text.fontMetrics().height()
    text.setText("one line")
    assert text.minimumHeight() == low
