"""The lower half of the dock: train on masks, and keep what was learnt. It knows Qt alone."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from qtpy.QtCore import Signal
from qtpy.QtGui import QDragEnterEvent, QDropEvent
from qtpy.QtWidgets import QFileDialog, QMessageBox, QProgressBar, QVBoxLayout, QWidget

from napari_catsam.plugin.adapt.budget_box import BudgetBox
from napari_catsam.plugin.adapt.curves_view import CurvesView
from napari_catsam.plugin.adapt.recipe import USUAL_METHODS
from napari_catsam.plugin.adapt.recipe_view import RecipeView
from napari_catsam.plugin.adapt.scores_view import ScoresView
from napari_catsam.plugin.adapt.shots_view import ShotsView
from napari_catsam.plugin.adapt.suggest_view import SuggestView
from napari_catsam.plugin.adapt.versions import add_ending
from napari_catsam.plugin.adapt.versions_view import VersionsView, list_adapter_files
from napari_catsam.plugin.dock.folding import Fold
from napari_catsam.plugin.dock.parts import (
    ChoiceBox,
    FormGroup,
    TextBlock,
    make_button,
    side_by_side,
)

__all__ = ["AdaptView"]

FILES = "CAT-SAM adapters (*.safetensors)"


class AdaptView(QWidget):
    """What is learnt, how, and how well; emits what the user wants and shows what it is told.

    Attributes
    ----------
    shots : ShotsView
        What there is to learn from.
    curves : CurvesView
        Loss and score of the training.
    scores : ScoresView
        What came of it.
    suggest : SuggestView
        Where to annotate next.
    versions : VersionsView
        The models to choose from.
    """

    adapt_requested = Signal()
    pause_requested = Signal()
    stop_requested = Signal()
    cancel_requested = Signal()
    compare_requested = Signal()
    hide_requested = Signal()
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
            "What is trained beside the frozen model (cat-a, cat-t: the paper; hq: the decoder alone)."
        )
        self.time = BudgetBox()
        self.budget = self.time.seconds
        self.time.changed.connect(self._on_budget_changed)
        self.start = ChoiceBox(
            "What the training begins with: the base model, or a version, which it makes another\n"
            "version of; that has the method already."
        )
        self._make_buttons()
        self.bar = QProgressBar()
        self.bar.setTextVisible(False)
        self.bar.setFixedHeight(6)
        self.bar.setToolTip("How much of the training is done.")
        self.time_left = TextBlock("Of the training; less if it does not get better any more.")
        self.preview = TextBlock("What the orange masks on the canvas are; they are not kept.")
        self.comparison = TextBlock(
            "What the blue (base) or orange (adapted) masks on the canvas are; they are not kept.\n"
            "Masks that were learnt from flatter the adapted model: look at others too."
        )
        self.shots, self.recipe = ShotsView(), RecipeView()
        self.curves, self.scores = CurvesView(), ScoresView()
        self.versions, self.suggest = VersionsView(), SuggestView()
        self.score = TextBlock("Mean overlap (IoU) with masks, of the base and the adapted model.")
        self._lay_out()
        self.setAcceptDrops(True)
        self.show_score("")
        self.show_preview("")
        self.show_comparison("")
        self.show_progress(None)
        self.show_run(adapting=False, paused=False, time_left="")

    def _make_buttons(self) -> None:
        self.adapt_button = make_button(
            "Adapt", "Train on these masks; prompts are answered meanwhile.",
            self._on_adapt_clicked, "start",
        )  # fmt: skip
        self.pause_button = make_button(
            "Pause", "Rest after this step; the time stands still.",
            self.pause_requested.emit, "pause",
        )  # fmt: skip
        self.cancel_button = make_button(
            "Cancel", "End now and keep nothing of this training.",
            self.cancel_requested.emit, "cancel",
        )  # fmt: skip
        self.compare_button = make_button(
            "Compare",
            "Ask the other of base and adapted model: about the object that you annotate,\n"
            "or else about the masks on this plane, by their boxes.",
            self.compare_requested.emit, "compare",
        )  # fmt: skip
        self.hide_button = make_button(
            "Hide", "Take the comparison off the canvas.", self.hide_requested.emit, "hide"
        )
        self.stop_button = make_button(
            "Stop", "Finish now and keep the best so far.", self._on_stop_clicked, "stop"
        )
        self.load_button = make_button(
            "Load…", "Open an adapter file and use it.", self._on_load_clicked, "open"
        )
        self.save_button = make_button(
            "Save…", "Write the version that is marked to a file.", self._on_save_clicked, "save"
        )

    def _lay_out(self) -> None:
        group = FormGroup("")
        group.add_row("masks", self.masks)
        group.add_wide(self.shots)
        group.add_row("from", self.start)
        group.add_row("method", self.method)
        group.add_row("time", self.time)
        group.add_wide(Fold("Advanced", "Settings that are meant to be left alone.", self.recipe))
        group.add_wide(
            side_by_side(self.adapt_button, self.pause_button, self.stop_button, self.cancel_button)
        )
        group.add_wide(self.bar)
        group.add_wide(self.time_left)
        group.add_wide(self.curves)
        group.add_wide(self.preview)
        group.add_wide(self.score)
        group.add_wide(self.scores)
        group.add_wide(side_by_side(self.compare_button, self.hide_button))
        group.add_wide(self.comparison)
        group.add_wide(self.suggest)
        group.add_wide(self.versions)
        group.add_row("adapter", side_by_side(self.load_button, self.save_button))
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(
            Fold("Adapt to your masks", "Train the model on masks that are right.", group)
        )

    def set_ready(self, *, adapt: bool, stop: bool, save: bool) -> None:
        """Let the user press the buttons, or not."""
        self.adapt_button.setEnabled(adapt)
        self.stop_button.setEnabled(stop)
        self.save_button.setEnabled(save)

    def show_methods(self, names: Sequence[str], method: str) -> None:
        """Show the usual methods, the others under the advanced settings, and the chosen one."""
        usual = [name for name in names if name in USUAL_METHODS or name == method]
        self.method.set_choices([(name, name) for name in usual], method)
        others = [name for name in names if name not in USUAL_METHODS]
        self.recipe.show_methods(others, method)

    def show_run(self, *, adapting: bool, paused: bool, time_left: str) -> None:
        """Show what can be done with a training, and how long it takes, where that is known."""
        self.pause_button.setText("Resume" if paused else "Pause")
        self.pause_button.show_icon("start" if paused else "pause")
        for button in (self.pause_button, self.cancel_button):
            button.setVisible(adapting)
        self.time_left.setText(time_left)
        self.time_left.setVisible(bool(time_left))

    def show_preview(self, text: str) -> None:
        """Say what the preview on the canvas is; nothing for an empty text."""
        self.preview.setText(text)
        self.preview.setVisible(bool(text))

    def show_compare(self, text: str, *, ready: bool) -> None:
        """Say what the button compares with, and whether there is something to compare."""
        self.compare_button.setText(text)
        self.compare_button.setVisible(ready)

    def show_comparison(self, text: str) -> None:
        """Say what the comparison on the canvas is; nothing for an empty text."""
        self.comparison.setText(text)
        for widget in (self.comparison, self.hide_button):
            widget.setVisible(bool(text))

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

    def dragEnterEvent(self, event: QDragEnterEvent | None) -> None:
        """Take adapter files, wherever on the panel."""
        if event is not None and list_adapter_files(event):
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent | None) -> None:
        """Tell of adapter files."""
        if event is not None and (paths := list_adapter_files(event)):
            event.acceptProposedAction()
            self.versions.files_dropped.emit(paths)

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
        if path and self._may_write(path):
            self.save_requested.emit(add_ending(path))

    def _may_write(self, path: str) -> bool:
        """Ask by the whole name, where the dialog has seen it without its end."""
        whole = Path(add_ending(path))
        if whole == Path(path) or not whole.exists():
            return True
        text = f"{whole.name} already exists.\nDo you want to replace it?"
        answer = QMessageBox.question(self, "Save the adapter", text)
        return bool(answer == QMessageBox.StandardButton.Yes)
