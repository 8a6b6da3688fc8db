"""The banner that leads through the first minute. It knows Qt alone."""

from __future__ import annotations

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QVBoxLayout, QWidget

from napari_catsam.plugin.dock.folding import reveal
from napari_catsam.plugin.dock.parts import FormGroup, TextBlock, make_button

__all__ = ["GuideView", "point_out", "stop_pointing_out"]

FRAME = "border: 2px solid #ffb000;"


class GuideView(QWidget):
    """Offers the guide, or shows its step; hidden while there is neither."""

    start_requested = Signal()
    end_requested = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.start_button = make_button(
            "Open sample and show me",
            "Open a small generated volume, and be led through: a box, accept, adapt.",
            self._on_start_clicked,
            "guide",
        )
        self.text = TextBlock("What to do next; it goes on by itself when you did it.")
        self.end_button = make_button(
            "End the guide", "Work on without it; all layers stay.", self._on_end_clicked, "cancel"
        )
        self._step = FormGroup("First minute")
        self._step.add_wide(self.text)
        self._step.add_wide(self.end_button)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.start_button)
        layout.addWidget(self._step)
        self.show_nothing()

    def show_offer(self) -> None:
        """Show the button that starts it."""
        self._show(offer=True, step=False)

    def show_step(self, title: str, text: str) -> None:
        """Show what to do."""
        self._step.setTitle(title)
        self.text.setText(text)
        self._show(offer=False, step=True)

    def show_nothing(self) -> None:
        """Take no room."""
        self._show(offer=False, step=False)

    def _show(self, *, offer: bool, step: bool) -> None:
        self.start_button.setVisible(offer)
        self._step.setVisible(step)
        self.setVisible(offer or step)

    def _on_start_clicked(self) -> None:
        self.start_requested.emit()

    def _on_end_clicked(self) -> None:
        self.end_requested.emit()


def point_out(widget: QWidget) -> None:
    """Put a frame around a widget, and scroll to it."""
    widget.setStyleSheet(FRAME)
    reveal(widget)


def stop_pointing_out(widget: QWidget) -> None:
    """Take the frame away."""
    widget.setStyleSheet("")
