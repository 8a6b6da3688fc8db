"""Seeing what a model in training makes of something, between two of its steps."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from napari_catsam.models.catsam import CatSam

__all__ = ["Preview"]


class Preview(Protocol):
    """Asks a model in training now and then; :func:`~napari_catsam.adaptation.train.fit` calls it.

    Attributes
    ----------
    due : bool
        Whether :meth:`draw` is to be called after this step.
    """

    @property
    def due(self) -> bool:
        """Whether there is something to draw now; looked at after every step."""

    def draw(self, model: CatSam) -> Any:
        """Return what becomes :attr:`Progress.preview`, None for nothing.

        Parameters
        ----------
        model : CatSam
            With the values that a look at the score would see now, for the time of the call.
        """
