"""The letters that call the commands while one layer is active, as the user has set them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from napari.layers import Layer

from napari_catsam.plugin.live.gestures import make_action
from napari_catsam.plugin.session import Session
from napari_catsam.plugin.settings import find_keys

__all__ = ["KeyBindings"]


class KeyBindings:
    """Binds letters of a layer to methods, and binds them anew when the settings change.

    Parameters
    ----------
    layer : Layer
        Gets the keys while it is the active layer.
    session : Session
        Its settings say which letters.
    defaults : mapping of str to str
        Letters and the methods that they call, where the settings do not name the method.
    commands : object
        Has the methods.
    """

    def __init__(
        self, layer: Layer, session: Session, defaults: Mapping[str, str], commands: Any
    ) -> None:
        self._layer, self._session, self._defaults = layer, session, defaults
        self._commands = commands
        self._bound: dict[str, Any] = {}
        session.events.settings.connect(self._bind)
        self._bind()

    def close(self) -> None:
        """Follow the settings no more; the layer is on its way out."""
        self._session.events.settings.disconnect(self._bind)

    def _bind(self, _: object = None) -> None:
        # Another table may have taken over a letter of this one, when two were exchanged.
        present = {str(key): action for key, action in self._layer.keymap.items()}
        for key, action in self._bound.items():
            if present.get(key) is action:
                self._layer.bind_key(key, None)
        self._bound = {
            key: make_action(getattr(self._commands, name))
            for key, name in find_keys(self._defaults, self._session.settings).items()
        }
        for key, action in self._bound.items():
            self._layer.bind_key(key, action, overwrite=True)
