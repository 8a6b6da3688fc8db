"""How the parts of the dock stand below each other. It knows Qt alone."""

from __future__ import annotations

from collections.abc import Sequence

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QFrame, QLabel, QScrollArea, QVBoxLayout, QWidget

__all__ = ["lay_out_dock", "make_status_line"]

LEAST_WIDTH = 270
"""Pixels; below it labels and boxes no longer fit beside each other."""


def make_status_line() -> QLabel:
    """Make the line that says what runs, or what to do next."""
    status = QLabel()
    status.setWordWrap(True)
    status.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
    status.setToolTip("What runs, or what to do next.")
    # Two lines always, so that nothing below jumps when the text changes.
    status.setMinimumHeight(2 * status.fontMetrics().lineSpacing() + 4)
    return status


def lay_out_dock(dock: QWidget, fixed: Sequence[QWidget], scrolled: Sequence[QWidget]) -> None:
    """Put widgets below each other, the first ones above what scrolls."""
    inner = QWidget()
    column = QVBoxLayout(inner)
    column.setContentsMargins(0, 0, 0, 0)
    for widget in scrolled:
        column.addWidget(widget)
    column.addStretch(1)
    scroll = QScrollArea()
    scroll.setWidget(inner)
    scroll.setWidgetResizable(True)
    scroll.setFrameShape(QFrame.Shape.NoFrame)
    scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
    layout = QVBoxLayout(dock)
    layout.setContentsMargins(4, 4, 4, 4)
    for widget in fixed:
        layout.addWidget(widget)
    layout.addWidget(scroll, 1)
    dock.setMinimumWidth(LEAST_WIDTH)
