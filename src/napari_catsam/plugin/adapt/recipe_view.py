"""What few need to set of an adaptation. It knows Qt alone."""

from __future__ import annotations

from collections.abc import Sequence

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QDoubleSpinBox, QVBoxLayout, QWidget

from napari_catsam.plugin.adapt.recipe import AS_USUAL, BACKGROUNDS, STARTS, Recipe
from napari_catsam.plugin.dock.parts import ChoiceBox, FormGroup

__all__ = ["RecipeView"]

MOST = 0.1
"""A larger learning rate never ends well."""


class RecipeView(QWidget):
    """Another method, start values, what unlabelled pixels say, what is ignored, and the learning rate.

    Attributes
    ----------
    method : ChoiceBox
        Methods that are not among the usual ones; an empty value for none of them.
    ignore : ChoiceBox
        Labels whose pixels say nothing; None for none.
    """

    changed = Signal(object)
    """The :class:`~napari_catsam.plugin.adapt.recipe.Recipe` that the user set."""

    def __init__(self) -> None:
        super().__init__()
        self.method = ChoiceBox("A method that is there for comparison, in place of the one above.")
        self.init = ChoiceBox(
            "How fresh values begin: exactly as the base model, about as it, or from random numbers\n"
            "as in the released code. A version that training goes on from is taken as it is."
        )
        self.init.set_choices([(text, name) for name, text in STARTS.items()], AS_USUAL.init)
        self.annotated = ChoiceBox(
            "What a pixel without a label says: nothing unless it is near a labelled object,\n"
            "or that no object is there."
        )
        self.annotated.set_choices(
            [(text, name) for name, text in BACKGROUNDS.items()], AS_USUAL.annotated
        )
        self.ignore = ChoiceBox(
            "Labels drawn over what is unclear: their pixels say nothing, neither object nor not."
        )
        self.rate = QDoubleSpinBox()
        self.rate.setDecimals(5)
        self.rate.setRange(0.0, MOST)
        self.rate.setSingleStep(0.001)
        self.rate.setSpecialValueText("as usual")
        self.rate.setToolTip("Learning rate of the optimiser; 0 takes the usual one.")
        self.init.chosen.connect(self._on_changed)
        self.annotated.chosen.connect(self._on_changed)
        self.rate.valueChanged.connect(self._on_changed)
        group = FormGroup("")
        group.add_row("other", self.method)
        group.add_row("start", self.init)
        group.add_row("labels", self.annotated)
        group.add_row("ignore", self.ignore)
        group.add_row("rate", self.rate)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(group)

    def show_methods(self, names: Sequence[str], method: str) -> None:
        """Show other methods, and which of them is chosen, if one is."""
        self.method.set_choices([("as above", ""), *((name, name) for name in names)], method)

    def show_recipe(self, recipe: Recipe) -> None:
        """Show what is set."""
        self.init.show_value(recipe.init)
        self.annotated.show_value(recipe.annotated)
        self.rate.blockSignals(True)  # this is not the user's choice
        self.rate.setValue(recipe.learning_rate or 0.0)
        self.rate.blockSignals(False)

    def _on_changed(self, _: object) -> None:
        rate = self.rate.value() or None
        self.changed.emit(Recipe(str(self.init.value), str(self.annotated.value), rate))
