"""What of an adaptation the user may set beside its method and its time."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["AS_USUAL", "BACKGROUNDS", "STARTS", "USUAL_METHODS", "Recipe"]

USUAL_METHODS = ("cat-a", "cat-t", "hq")
"""What to choose from at first; the other methods are for comparison."""

STARTS = {
    "identity": "exactly as the base model",
    "base": "about as the base model",
    "official": "random, as released",
}
"""How fresh values begin, and what that is called."""

BACKGROUNDS = {
    "surroundings": "some objects are labelled",
    "everything": "every object is labelled",
}
"""What a pixel without a label says, and what that is called."""


@dataclass(frozen=True)
class Recipe:
    """The settings of :class:`~napari_catsam.adaptation.config.TrainConfig` of the same names.

    Attributes
    ----------
    init : {"base", "identity", "official"}
        How the values that are trained begin.
    annotated : {"surroundings", "everything"}
        What pixels without a label say.
    learning_rate : float or None
        Of the optimiser; None takes the default.
    """

    init: str = "identity"
    annotated: str = "surroundings"
    learning_rate: float | None = None


AS_USUAL = Recipe()
