"""The top of the dock: what runs on what, and what to do next. It knows Qt alone."""

from __future__ import annotations

from qtpy.QtCore import QRectF, Qt, QTimerEvent
from qtpy.QtGui import QColor, QHideEvent, QPainter, QPaintEvent, QShowEvent
from qtpy.QtWidgets import QLabel, QVBoxLayout, QWidget

__all__ = ["BusyLine", "StatusView"]

TROUBLE_STYLE = (
    "QLabel { background: rgba(229, 72, 77, 60); border-left: 3px solid #e5484d; "
    "padding: 2px 6px; }"
)
"""A tint, so that the text keeps the colour that the theme has for it, dark or light."""

COLOUR = "#35b6ff"
"""Of the line that moves: readable on the dark and on the light theme."""

FRAME_MS = 60
PERIOD = 24
"""Frames in which the segment goes from one end to the other."""

SEGMENT = 0.25
"""Width of the segment, of 1."""


class BusyLine(QWidget):
    """A thin line in which a segment moves while something runs; its place is always kept."""

    def __init__(self) -> None:
        super().__init__()
        self.setFixedHeight(3)
        self.setToolTip("Something runs in the background; you can go on.")
        self._busy = False
        self._frame = 0
        self._timer = 0

    @property
    def busy(self) -> bool:
        """Whether the segment is shown."""
        return self._busy

    def set_busy(self, *, busy: bool) -> None:
        """Show that something runs, or that nothing does."""
        if busy != self._busy:
            self._busy = busy
            self._run_timer()
            self.update()

    def showEvent(self, event: QShowEvent | None) -> None:
        """Move on."""
        super().showEvent(event)
        self._run_timer()

    def hideEvent(self, event: QHideEvent | None) -> None:
        """Cost nothing while it is not seen."""
        super().hideEvent(event)
        self._run_timer()

    def timerEvent(self, event: QTimerEvent | None) -> None:
        """Move the segment."""
        self._frame = (self._frame + 1) % PERIOD
        self.update()

    def paintEvent(self, event: QPaintEvent | None) -> None:
        """Draw the segment."""
        if not self._busy:
            return
        painter = QPainter(self)
        start = (self._frame / PERIOD * (1 + SEGMENT) - SEGMENT) * self.width()
        segment = QRectF(start, 0, SEGMENT * self.width(), self.height())
        painter.fillRect(segment, QColor(COLOUR))
        painter.end()

    def _run_timer(self) -> None:
        if self._timer:
            self.killTimer(self._timer)
            self._timer = 0
        if self._busy and self.isVisible():
            self._timer = self.startTimer(FRAME_MS)


class StatusView(QWidget):
    """Two labels and a line that moves while something runs.

    Attributes
    ----------
    doing : QLabel
        What runs, with which model, where, and what it takes there.
    message : QLabel
        What to do next, or what the last action came to.
    busy_line : BusyLine
        Moves while something runs.
    """

    def __init__(self) -> None:
        super().__init__()
        self.doing = _make_label(
            "What runs · the model · where it computes · the memory that it takes there:\n"
            "on a GPU all that PyTorch holds, on the CPU the model and the embeddings that are kept."
        )
        self.message = _make_label("What to do next, or what came of the last action.")
        self.busy_line = BusyLine()
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        for widget in (self.doing, self.busy_line, self.message):
            layout.addWidget(widget)
        # Three lines always, so that nothing below jumps when a text changes.
        self.message.setMinimumHeight(2 * self.message.fontMetrics().lineSpacing() + 4)

    def text(self) -> str:
        """Return what was said last: what runs, or else what to do next."""
        return self.doing.text() if self.busy_line.busy else self.message.text()

    def show_doing(self, text: str, *, busy: bool) -> None:
        """Show what runs; ``busy`` while something does."""
        self.doing.setText(_capitalise(text))
        self.busy_line.set_busy(busy=busy)

    def show_message(self, text: str, *, trouble: bool) -> None:
        """Show what to do next; ``trouble`` marks that something went wrong."""
        style = TROUBLE_STYLE if trouble else ""
        if self.message.styleSheet() != style:
            self.message.setStyleSheet(style)
        self.message.setText(_capitalise(text))


def _make_label(tooltip: str) -> QLabel:
    label = QLabel()
    label.setWordWrap(True)
    label.setAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignTop)
    label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
    label.setToolTip(tooltip)
    return label


def _capitalise(text: str) -> str:
    return text[:1].upper() + text[1:]
