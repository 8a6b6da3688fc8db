"""The letter that compares two models, wherever the user is in the viewer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from weakref import WeakMethod

from napari.components import ViewerModel

from napari_catsam.plugin.session import Session

__all__ = ["COMPARE_KEY", "CompareKey"]

COMPARE_KEY = "J"
"""A letter that napari leaves free."""


class CompareKey:
    """Binds the letter that is set to a method, for all layers of a viewer.

    Parameters
    ----------
    viewer : ViewerModel
        Gets the key, and keeps nothing of the method alive.
    session : Session
        Its settings say which letter.
    compare : callable
        A bound method.
    """

    def __init__(self, viewer: ViewerModel, session: Session, compare: Callable[[], None]) -> None:
        self._viewer, self._session = viewer, session
        self._action = _make_action(WeakMethod(compare))
        self._bound = ""
        self._bind()

    def refresh(self) -> None:
        """Take the letter that is set now."""
        if self._session.settings.compare_letter != self._bound:
            self.release()
            self._bind()

    def release(self) -> None:
        """Leave the letter free, unless another widget has taken it."""
        present = {str(key): action for key, action in self._viewer.keymap.items()}
        if present.get(self._bound) is self._action:
            self._viewer.bind_key(self._bound, None)

    def _bind(self) -> None:
        self._bound = self._session.settings.compare_letter
        if self._bound:
            self._viewer.bind_key(self._bound, self._action, overwrite=True)


def _make_action(method: WeakMethod[Callable[[], None]]) -> Callable[[Any], None]:
    def compare(_: Any) -> None:
        """Ask the other of base and adapted model."""
        call = method()
        if call is not None:
            call()

    return compare
