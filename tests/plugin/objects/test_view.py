"""The table of objects, driven by mouse and keys, without napari."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from qtpy.QtCore import QPoint, Qt
from qtpy.QtTest import QAbstractItemModelTester
from qtpy.QtWidgets import QApplication, QComboBox

from napari_catsam.plugin.objects.table import CLASS, PLANES, ObjectRow
from napari_catsam.plugin.objects.view import ObjectsView

ID, SIZE, SCORE = 0, 2, 3
LEFT = Qt.MouseButton.LeftButton
CONTROL = Qt.KeyboardModifier.ControlModifier

ROWS = [
    ObjectRow(1, "cell", 40.0, 0.9, 1),
    ObjectRow(2, "debris", 10.0, None, 1),
    ObjectRow(3, "cell", 30.0, 0.4, 1),
    ObjectRow(7, "cell", 20.0, 0.6, 1),
]


@pytest.fixture
def view(qtbot: Any) -> Iterator[ObjectsView]:
    view = ObjectsView()
    qtbot.addWidget(view)
    QAbstractItemModelTester(view.table, QAbstractItemModelTester.FailureReportingMode.Fatal, view)
    view.resize(300, 400)
    view.show()
    qtbot.waitExposed(view)
    view.show_rows(ROWS, "pixels", "4 objects")
    return view


def ids(view: ObjectsView) -> list[int]:
    return [row.id for row in view.table.rows]


def texts(view: ObjectsView, column: int) -> list[str]:
    table = view.table
    return [table.data(table.index(n, column)) for n in range(table.rowCount())]


def place(view: ObjectsView, number: int, column: int) -> QPoint:
    row = view.table.find(number)
    assert row is not None
    return view.rows.visualRect(view.table.index(row, column)).center()


def click(qtbot: Any, view: ObjectsView, number: int, column: int = SIZE, **key: Any) -> None:
    qtbot.mouseClick(view.rows.viewport(), LEFT, pos=place(view, number, column), **key)


def double_click(qtbot: Any, view: ObjectsView, number: int, column: int) -> None:
    click(qtbot, view, number, column)
    qtbot.mouseDClick(view.rows.viewport(), LEFT, pos=place(view, number, column))


def heard(signal: Any) -> list[Any]:
    values: list[Any] = []
    signal.connect(lambda *given: values.append(given[0] if len(given) == 1 else given))
    return values


def test_rows_show_what_is_known(view: ObjectsView) -> None:
    assert texts(view, ID) == ["1", "2", "3", "7"]
    assert texts(view, SIZE) == ["40", "10", "30", "20"]
    assert texts(view, SCORE) == ["0.90", "", "0.40", "0.60"]
    view.show_rows([ObjectRow(1, "cell", 1234.5678, 0.9, 3)], "area (µm²)", "")
    assert texts(view, SIZE) == ["1235"]
    header = [
        view.table.headerData(SIZE, Qt.Orientation.Horizontal, role)
        for role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.ToolTipRole)
    ]
    assert header[0] == "µm²"
    assert "area (µm²)" in header[1]


@pytest.mark.parametrize(
    ("sizes", "shown"),
    [
        ([586.123, 571.9, 40.0], ["586.1", "571.9", "40.0"]),
        ([1234.5, 40.25], ["1234", "40"]),
        ([1.5, 0.25], ["1.500", "0.250"]),
        ([1500.0, 40.0], ["1500", "40"]),
    ],
)
def test_sizes_have_as_many_decimals_below_each_other(
    view: ObjectsView, sizes: list[float], shown: list[str]
) -> None:
    rows = [ObjectRow(n, "cell", size, 0.9, 1) for n, size in enumerate(sizes, 1)]
    view.show_rows(rows, "volume (µm³)", "")
    assert texts(view, SIZE) == shown


def test_a_larger_object_takes_decimals_from_the_others(view: ObjectsView) -> None:
    small, large = ObjectRow(1, "cell", 40.25, 0.9, 1), ObjectRow(2, "cell", 5000.5, 0.9, 1)
    view.show_rows([small], "volume (µm³)", "")
    assert texts(view, SIZE) == ["40.25"]
    changed = heard(view.table.dataChanged)
    view.show_rows([small, large], "volume (µm³)", "")
    assert texts(view, SIZE) == ["40", "5000"]
    assert changed
    tip = view.table.data(view.table.index(0, SIZE), Qt.ItemDataRole.ToolTipRole)
    assert "40.25" in tip


def test_planes_are_shown_where_objects_have_several(view: ObjectsView) -> None:
    assert view.rows.isColumnHidden(PLANES)
    view.show_rows([ObjectRow(1, "cell", 40.0, 0.9, 3)], "pixels", "")
    assert view.rows.isColumnHidden(PLANES)  # in a dock that is too narrow for it
    view.resize(450, 400)
    assert not view.rows.isColumnHidden(PLANES)
    assert texts(view, PLANES) == ["3"]


def test_a_click_on_a_header_sorts(qtbot: Any, view: ObjectsView) -> None:
    header = view.rows.horizontalHeader()
    at = QPoint(header.sectionViewportPosition(SCORE) + 5, header.height() // 2)
    qtbot.mouseClick(header.viewport(), LEFT, pos=at)
    assert ids(view) == [2, 3, 7, 1]  # the lowest score, and what has none, first
    qtbot.mouseClick(header.viewport(), LEFT, pos=at)
    assert ids(view) == [1, 7, 3, 2]
    view.show_rows([*ROWS, ObjectRow(8, "cell", 5.0, 0.5, 1)], "pixels", "")
    assert ids(view) == [1, 7, 8, 3, 2]


@pytest.mark.parametrize(
    ("column", "order"), [(ID, [1, 2, 3, 7]), (CLASS, [1, 3, 7, 2]), (SIZE, [2, 7, 3, 1])]
)
def test_it_sorts_by_every_column(view: ObjectsView, column: int, order: list[int]) -> None:
    view.rows.sortByColumn(column, Qt.SortOrder.AscendingOrder)
    assert ids(view) == order


def test_a_click_selects_the_object(qtbot: Any, view: ObjectsView) -> None:
    selected = heard(view.selected)
    click(qtbot, view, 3)
    assert selected == [3]
    assert view.selection == (3,)
    qtbot.keyClick(view.rows, Qt.Key.Key_Down)
    assert selected == [3, 7]


def test_showing_a_selection_is_no_wish_of_the_user(view: ObjectsView) -> None:
    selected = heard(view.selected)
    view.show_selected(7)
    assert view.selection == (7,)
    view.show_selected(99)
    assert view.selection == ()
    assert selected == []


def test_a_double_click_jumps(qtbot: Any, view: ObjectsView) -> None:
    wanted = heard(view.jump_requested)
    double_click(qtbot, view, 3, SIZE)
    assert wanted == [3]
    qtbot.keyClick(view.rows, Qt.Key.Key_Return)
    assert wanted == [3, 3]


def test_a_double_click_on_the_class_edits_it(qtbot: Any, view: ObjectsView) -> None:
    edited, jumped = heard(view.class_edited), heard(view.jump_requested)
    view.show_classes(("object", "cell"), "cell")
    double_click(qtbot, view, 3, CLASS)
    box = view.rows.findChild(QComboBox)
    assert [box.itemText(n) for n in range(box.count())] == ["object", "cell"]
    assert box.currentText() == "cell"
    box.lineEdit().selectAll()
    qtbot.keyClicks(box, "nucleus")
    qtbot.keyClick(box, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: edited == [((3,), "nucleus")])
    assert jumped == []


def test_an_editor_stays_open_while_other_objects_come(qtbot: Any, view: ObjectsView) -> None:
    double_click(qtbot, view, 3, CLASS)
    box = view.rows.findChild(QComboBox)
    box.lineEdit().selectAll()
    qtbot.keyClicks(box, "nuc")
    view.show_rows([ObjectRow(0, "new", 1.0, 0.5, 1), *ROWS], "pixels", "")
    qtbot.keyClicks(box, "leus")
    edited = heard(view.class_edited)
    qtbot.keyClick(box, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: edited == [((3,), "nucleus")])


def test_keys_and_buttons_ask_for_what_they_say(qtbot: Any, view: ObjectsView) -> None:
    deleted, refined = heard(view.delete_requested), heard(view.refine_requested)
    jumped = heard(view.jump_requested)
    click(qtbot, view, 2)
    qtbot.keyClick(view.rows, Qt.Key.Key_Delete)
    qtbot.mouseClick(view.delete, LEFT)
    qtbot.mouseClick(view.refine, LEFT)
    qtbot.mouseClick(view.jump, LEFT)
    assert deleted == [(2,), (2,)]
    assert (refined, jumped) == ([2], [2])


def test_several_objects_are_deleted_or_classed_together(qtbot: Any, view: ObjectsView) -> None:
    deleted, edited = heard(view.delete_requested), heard(view.class_edited)
    view.show_classes(("object", "cell"), "object")
    click(qtbot, view, 2)
    click(qtbot, view, 7, modifier=CONTROL)
    assert (view.jump.isEnabled(), view.refine.isEnabled()) == (False, False)
    qtbot.mouseClick(view.delete, LEFT)
    qtbot.mouseClick(view.assign, LEFT)
    assert deleted == [(2, 7)]
    assert edited == [((2, 7), "object")]


def test_without_a_selection_nothing_can_be_asked_for(qtbot: Any, view: ObjectsView) -> None:
    for button in (view.jump, view.refine, view.delete, view.assign):
        assert not button.isEnabled()
    deleted = heard(view.delete_requested)
    qtbot.keyClick(view.rows, Qt.Key.Key_Delete)
    assert deleted == []


def test_the_selection_stays_with_its_object(qtbot: Any, view: ObjectsView) -> None:
    selected = heard(view.selected)
    click(qtbot, view, 3)
    view.rows.sortByColumn(SIZE, Qt.SortOrder.DescendingOrder)
    view.show_rows([ROWS[0], ROWS[2], ObjectRow(9, "cell", 35.0, 0.1, 1)], "pixels", "")
    assert ids(view) == [1, 9, 3]
    assert view.selection == (3,)
    assert selected == [3]


def test_after_a_deletion_the_next_object_is_selected(qtbot: Any, view: ObjectsView) -> None:
    view.activateWindow()
    view.rows.setFocus()
    qtbot.waitUntil(view.rows.hasFocus)
    click(qtbot, view, 2)
    selected = heard(view.selected)
    view.show_rows([row for row in ROWS if row.id != 2], "pixels", "")
    assert selected == [3]
    assert view.selection == (3,)


def test_very_many_changes_at_once_are_shown(view: ObjectsView) -> None:
    many = [ObjectRow(n, "cell", float(n), 0.5, 1) for n in range(1, 501)]
    view.show_rows(many, "pixels", "")
    assert ids(view) == list(range(1, 501))
    view.show_rows((), "pixels", "")
    assert ids(view) == []


def test_a_typed_class_is_chosen_once(qtbot: Any, view: ObjectsView) -> None:
    view.show_classes(("object",), "object")
    chosen = heard(view.class_chosen)
    line = view.classes.lineEdit()
    assert line is not None
    line.selectAll()
    qtbot.keyClicks(line, " nucleus ")
    qtbot.keyClick(line, Qt.Key.Key_Return)
    view.show_classes(("object", "nucleus"), "nucleus")
    line.clear()
    qtbot.keyClick(line, Qt.Key.Key_Return)  # no class is no class
    assert chosen == ["nucleus"]
    assert view.classes.currentText() == "nucleus"


def test_a_class_of_the_list_is_chosen(view: ObjectsView) -> None:
    view.show_classes(("object", "cell"), "object")
    chosen = heard(view.class_chosen)
    view.classes.setCurrentIndex(1)
    view.classes.activated.emit(1)
    assert chosen == ["cell"]


def test_all_of_it_fits_into_a_narrow_dock(view: ObjectsView) -> None:
    view.show_rows([ObjectRow(123456, "cell", 123456.0, 0.9, 12)], "area (µm²)", "1 object")
    QApplication.processEvents()
    assert view.minimumSizeHint().width() <= 270
    rows = view.rows
    widths = [rows.columnWidth(n) for n in range(5) if not rows.isColumnHidden(n)]
    assert sum(widths) <= rows.viewport().width()
    assert rows.columnWidth(CLASS) >= 80
