"""A part of the dock that is folded away until it is needed. It knows Qt alone."""

from __future__ import annotations

from qtpy.QtCore import QTimer
from qtpy.QtWidgets import QScrollArea, QVBoxLayout, QWidget

from napari_catsam.plugin.dock.icons import IconButton

__all__ = ["Fold", "reveal"]

CLOSED, OPEN = "folded", "unfolded"
"""Names of icons."""

STYLE = (
    "QPushButton { text-align: left; padding: 4px 2px; border: none; background: transparent; }"
    "QPushButton:hover, QPushButton:focus { background: rgba(128, 128, 128, 60); }"
)
"""A tint, so that it fits the dark and the light theme."""

BODY_STYLE = "QGroupBox { margin-top: 2px; }"
"""No room for a title, as the header is one."""


class Fold(QWidget):
    """A header, and below it a body that a click on the header shows or hides.

    Parameters
    ----------
    title : str
        Of the header.
    tooltip : str
        What it is for.
    body : QWidget
        Hidden at first.

    Attributes
    ----------
    header : IconButton
        Checked while the body is shown.
    """

    def __init__(self, title: str, tooltip: str, body: QWidget) -> None:
        super().__init__()
        self._body = body
        self.header = IconButton(title, CLOSED)
        self.header.setCheckable(True)
        self.header.setToolTip(tooltip)
        self.header.setStyleSheet(STYLE)
        self.header.toggled.connect(self._on_toggled)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(self.header)
        layout.addWidget(body)
        body.setStyleSheet(BODY_STYLE)
        self._on_toggled(shown=False)

    def unfold(self) -> None:
        """Show the body."""
        self.header.setChecked(True)

    def _on_toggled(self, shown: bool) -> None:
        self._body.setVisible(shown)
        self.header.show_icon(OPEN if shown else CLOSED)


def reveal(widget: QWidget) -> None:
    """Unfold what a widget is in, and scroll to it."""
    parent = widget.parentWidget()
    while parent is not None:
        if isinstance(parent, Fold):
            parent.unfold()
        if isinstance(parent, QScrollArea):
            _scroll_later(parent, widget)
        parent = parent.parentWidget()


def _scroll_later(area: QScrollArea, widget: QWidget) -> None:
    """Scroll once the layout has given the widget its place; the timer ends with the widget."""
    later = QTimer(widget)
    later.setSingleShot(True)

    def scroll() -> None:
        # Away from the edges, as what stands above may still grow.
        area.ensureWidgetVisible(widget, 0, area.height() // 3)
        later.deleteLater()

    later.timeout.connect(scroll)
    later.start(0)
