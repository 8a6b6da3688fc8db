"""The lower half of the dock: train on masks, and keep what was learnt. It knows Qt alone."""

from __future__ import annotations

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QFileDialog, QProgressBar, QSpinBox, QVBoxLayout, QWidget

from napari_catsam.plugin.parts import ChoiceBox, FormGroup, TextBlock, make_button, side_by_side

__all__ = ["AdaptView"]

FILES = "CAT-SAM adapters (*.safetensors)"


class AdaptView(QWidget):
    """Adapt, Stop, and adapter files; emits what the user wants and shows what it is told."""

    adapt_requested = Signal()
    stop_requested = Signal()
    save_requested = Signal(str)
    load_requested = Signal(str)
    budget_changed = Signal(int)

    def __init__(self) -> None:
        super().__init__()
        self.masks = ChoiceBox(
            "The labels to learn from; every plane that has some is used.\nCorrect masks first: "
            "with 4 or more, some are held out to check the result."
        )
        self.method = ChoiceBox(
            "What is trained beside the frozen model (cat-a, cat-t: the paper)."
        )
        self.budget = QSpinBox()
        self.budget.setRange(5, 3600)
        self.budget.setSuffix(" s")
        self.budget.setToolTip("Time for the training; Stop ends it earlier and keeps the best.")
        self.budget.valueChanged.connect(self._on_budget_changed)
        self.adapt_button = make_button(
            "Adapt", "Train on these masks, from the base model.", self._on_adapt_clicked
        )
        self.stop_button = make_button(
            "Stop", "Finish now and keep the best so far.", self._on_stop_clicked
        )
        self.load_button = make_button(
            "Load…", "Open an adapter file and use it.", self._on_load_clicked
        )
        self.save_button = make_button(
            "Save…", "Write the adapter to a file.", self._on_save_clicked
        )
        self.bar = QProgressBar()
        self.bar.setTextVisible(False)
        self.bar.setFixedHeight(6)
        self.bar.setToolTip("How much of the training is done.")
        self.score = TextBlock("Mean overlap (IoU) with masks, of the base and the adapted model.")
        self._lay_out()
        self.show_score("")
        self.show_progress(None)

    def _lay_out(self) -> None:
        group = FormGroup("Adapt")
        group.add_row("masks", self.masks)
        group.add_row("method", self.method)
        group.add_row("time", self.budget)
        group.add_wide(side_by_side(self.adapt_button, self.stop_button))
        group.add_wide(self.bar)
        group.add_wide(self.score)
        group.add_row("adapter", side_by_side(self.load_button, self.save_button))
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(group)

    def set_ready(self, *, adapt: bool, stop: bool, save: bool) -> None:
        """Let the user press the buttons, or not."""
        self.adapt_button.setEnabled(adapt)
        self.stop_button.setEnabled(stop)
        self.save_button.setEnabled(save)

    def show_progress(self, fraction: float | None) -> None:
        """Show a part of 1 as done, an unknown part (negative), or no bar (None)."""
        self.bar.setVisible(fraction is not None)
        unknown = fraction is not None and fraction < 0
        self.bar.setRange(0, 0 if unknown else 1000)
        if fraction is not None and not unknown:
            self.bar.setValue(round(1000 * fraction))

    def show_score(self, text: str) -> None:
        """Show the line of scores; nothing for an empty text."""
        self.score.setText(text)
        self.score.setVisible(bool(text))

    def _on_adapt_clicked(self) -> None:
        self.adapt_requested.emit()

    def _on_stop_clicked(self) -> None:
        self.stop_requested.emit()

    def _on_budget_changed(self, seconds: int) -> None:
        self.budget_changed.emit(seconds)

    def _on_load_clicked(self) -> None:
        path, _ = QFileDialog.getOpenFileName(self, "Load an adapter", "", FILES)
        if path:
            self.load_requested.emit(path)

    def _on_save_clicked(self) -> None:
        path, _ = QFileDialog.getSaveFileName(
            self, "Save the adapter", "adapter.safetensors", FILES
        )
        if path:
            self.save_requested.emit(path)
