"""Small parts that all views are made of; they know Qt alone."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from qtpy.QtCore import QEvent, QSize, Qt, QTimer, Signal
from qtpy.QtGui import QPaintEvent, QResizeEvent
from qtpy.QtWidgets import (
    QComboBox,
    QFormLayout,
    QGroupBox,
    QHBoxLayout,
    QLabel,
    QLayout,
    QSizePolicy,
    QStyle,
    QStyleOptionComboBox,
    QStylePainter,
    QVBoxLayout,
    QWidget,
)

from napari_catsam.plugin.dock.icons import IconButton

__all__ = [
    "ChoiceBox",
    "FormGroup",
    "Row",
    "TextBlock",
    "make_button",
    "make_plus",
    "side_by_side",
]

FEWEST_LETTERS = 2
"""Of a choice that are shown in the narrowest dock."""

MARGIN = 6
"""Pixels between a group's border and what is in it."""

SPACE = 4
"""Pixels between neighbours."""

WIDEST_LABEL = "backbone"
LABEL_ROOM = 20
"""So that the fields of all groups begin in one line; napari's font is larger than the first one."""


class ChoiceBox(QComboBox):
    """A combo box of (text, value) pairs that shrinks with the dock.

    Parameters
    ----------
    tooltip : str
        What is chosen here.
    """

    chosen = Signal(object)
    """Emitted with the value that the user chose."""

    def __init__(self, tooltip: str) -> None:
        super().__init__()
        self.setToolTip(tooltip)
        self.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.setMinimumContentsLength(FEWEST_LETTERS)
        self.activated.connect(self._on_activated)

    @property
    def value(self) -> object:
        """What is chosen."""
        return self.currentData()

    def set_choices(self, choices: Sequence[tuple[str, object]], value: object) -> None:
        """Show other choices; what is chosen has changed only if another value or text is shown."""
        before = self.currentText(), self.value
        self.blockSignals(True)  # while it is filled, the first one is chosen
        self.clear()
        for text, data in choices:
            self.addItem(text, data)
        self.show_value(value)
        self.blockSignals(False)
        if (self.currentText(), self.value) != before:
            self.currentIndexChanged.emit(self.currentIndex())

    def show_value(self, value: object) -> None:
        """Show a value as chosen; the first one if it is not among the choices."""
        position = next((i for i in range(self.count()) if self.itemData(i) == value), 0)
        self.setCurrentIndex(position)

    def paintEvent(self, event: QPaintEvent | None) -> None:
        """Draw the choice with an ellipsis where it is too long, instead of cutting it off."""
        option, painter = QStyleOptionComboBox(), QStylePainter(self)
        self.initStyleOption(option)
        style, field = painter.style(), QStyle.SubControl.SC_ComboBoxEditField
        if style is not None:
            box = style.subControlRect(QStyle.ComplexControl.CC_ComboBox, option, field, self)
            cut = Qt.TextElideMode.ElideRight
            option.currentText = self.fontMetrics().elidedText(self.currentText(), cut, box.width())
        painter.drawComplexControl(QStyle.ComplexControl.CC_ComboBox, option)
        painter.drawControl(QStyle.ControlElement.CE_ComboBoxLabel, option)

    def _on_activated(self, _: int) -> None:
        self.chosen.emit(self.currentData())


class TextBlock(QLabel):
    """Text over as many lines as it needs, none of which is cut off.

    Parameters
    ----------
    tooltip : str
        What the text is about.
    """

    def __init__(self, tooltip: str = "") -> None:
        super().__init__()
        self._later = QTimer(self)
        self._later.setSingleShot(True)
        self._later.timeout.connect(self.updateGeometry)
        self.setWordWrap(True)
        self.setToolTip(tooltip)

    def setText(self, text: str | None) -> None:
        """Show another text."""
        super().setText(text)
        self._fit()

    def resizeEvent(self, event: QResizeEvent | None) -> None:
        """Fit the height to the new width."""
        super().resizeEvent(event)
        self._fit()

    def changeEvent(self, event: QEvent | None) -> None:
        """Fit the height to the new font."""
        super().changeEvent(event)
        if event is not None and event.type() in (QEvent.Type.FontChange, QEvent.Type.StyleChange):
            self._fit()

    def _fit(self) -> None:
        # In a group box the layout gives wrapped text the height of another width.
        inside = self.contentsRect()
        wrap = int(Qt.TextFlag.TextWordWrap.value)
        lines = self.fontMetrics().boundingRect(0, 0, inside.width(), 0, wrap, self.text())
        needed = lines.height() + self.height() - inside.height()
        if needed != self.minimumHeight():
            self.setMinimumHeight(needed)
            # A layout that is at work when this comes does not look again.
            self._later.start()


class FormGroup(QGroupBox):
    """A titled group of labelled rows.

    Parameters
    ----------
    title : str
        Of the group.
    """

    def __init__(self, title: str) -> None:
        super().__init__(title)
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(MARGIN, MARGIN, MARGIN, MARGIN)
        self._column.setSpacing(SPACE)
        self._form = self._add_form()
        self._labels: dict[QWidget, QWidget] = {}

    def _add_form(self) -> QFormLayout:
        form = QFormLayout()
        form.setContentsMargins(0, 0, 0, 0)
        form.setHorizontalSpacing(8)
        form.setVerticalSpacing(SPACE)
        form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        self._column.addLayout(form)
        return form

    def add_row(self, name: str, widget: QWidget) -> None:
        """Add a widget with a label, which has the widget's tooltip."""
        self._form.addRow(name, widget)
        label = self._form.labelForField(widget)
        if label is not None:
            label.setToolTip(widget.toolTip())
            text_width = label.fontMetrics().horizontalAdvance(WIDEST_LABEL)
            label.setMinimumWidth(text_width + LABEL_ROOM)
            self._labels[widget] = label

    def show_row(self, widget: QWidget, *, visible: bool) -> None:
        """Show or hide a row and its label."""
        widget.setVisible(visible)
        if widget in self._labels:
            self._labels[widget].setVisible(visible)

    def add_wide(self, widget: QWidget) -> None:
        """Add a widget over the whole width; rows that follow stand below it."""
        # Not a row of the form, which gives wrapped text too little height.
        self._column.addWidget(widget)
        self._form = self._add_form()


def make_button(text: str, tooltip: str, slot: Callable[[], None], icon: str = "") -> IconButton:
    """Make a push button, with the icon of a name or, for an empty one, with none."""
    button = IconButton(text, icon)
    button.setToolTip(tooltip)
    button.clicked.connect(slot)
    return button


def make_plus(tooltip: str, slot: Callable[[], None]) -> IconButton:
    """Make a small button that adds something."""
    button = make_button("", tooltip, slot, "add")
    button.setAccessibleName(tooltip)
    button.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
    return button


class Row(QWidget):
    """Widgets side by side, in more than one line where the dock is too narrow for one.

    Parameters
    ----------
    widgets : sequence of QWidget
        From left to right.
    """

    def __init__(self, widgets: Sequence[QWidget]) -> None:
        super().__init__()
        self._widgets = tuple(widgets)
        self._lines: list[QHBoxLayout] = []
        self._counts: tuple[int, ...] = ()
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.setSpacing(SPACE)
        self._column.setSizeConstraint(QLayout.SizeConstraint.SetNoConstraint)
        self._arrange((len(self._widgets),))

    def minimumSizeHint(self) -> QSize:
        """Return the width of the widest widget and the height of all lines."""
        width = max(map(_least_width, self._widgets), default=0)
        return QSize(width, self._column.minimumSize().height())

    def event(self, event: QEvent | None) -> bool:
        """Arrange anew when the room, a text or the font changes."""
        handled = super().event(event)
        kinds = (QEvent.Type.Resize, QEvent.Type.LayoutRequest, QEvent.Type.Show)
        if event is not None and event.type() in kinds:
            self._arrange(self._split(self.width()))
        return handled

    def _split(self, width: int) -> tuple[int, ...]:
        """Return how many widgets fit into each line."""
        counts, used = [0], 0
        for widget in self._widgets:
            needed = _least_width(widget)
            if counts[-1] and used + SPACE + needed > width:
                counts.append(0)
                used = 0
            used += needed + (SPACE if counts[-1] else 0)
            counts[-1] += 1
        return tuple(counts)

    def _arrange(self, counts: tuple[int, ...]) -> None:
        if counts == self._counts:
            return
        self._counts = counts
        for line in self._lines:
            while line.count():
                line.takeAt(0)
            self._column.removeItem(line)
        widgets = iter(self._widgets)
        self._lines = []
        for count in counts:
            line = QHBoxLayout()
            line.setSpacing(SPACE)
            for _ in range(count):
                line.addWidget(next(widgets))
            self._column.addLayout(line)
            self._lines.append(line)
        self.updateGeometry()


def _least_width(widget: QWidget) -> int:
    """Return the pixels that a widget cannot do without; none while it is hidden."""
    if widget.isHidden():
        return 0
    least = max(widget.minimumSizeHint().width(), widget.minimumWidth())
    return min(least, widget.maximumWidth())


def side_by_side(*widgets: QWidget) -> QWidget:
    """Put widgets into one row, which has the tooltip of the first one."""
    row = Row(widgets)
    row.setToolTip(widgets[0].toolTip())
    return row
