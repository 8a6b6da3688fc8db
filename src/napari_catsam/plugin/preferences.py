"""The settings as napari keeps them: read at the start, and again when the user changes one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, replace
from typing import Any

from napari.settings import get_plugin_settings, get_settings
from napari.utils.notifications import show_warning

from napari_catsam.errors import CatsamError
from napari_catsam.plugin.connections import Connections
from napari_catsam.plugin.session import Session
from napari_catsam.plugin.settings import Settings, check_keys

__all__ = ["Preferences"]

PLUGIN = "napari-catsam"


class Preferences:
    """Makes a session by napari's preferences and lets it follow them.

    Parameters
    ----------
    connections : Connections
        Where the connection to napari is kept.
    session : Session, optional
        One that a program has set up; it stays as it is.

    Attributes
    ----------
    session : Session
        That one, or a new one.
    """

    def __init__(self, connections: Connections, session: Session | None = None) -> None:
        self.session = session or Session()
        if session is not None:
            return
        try:
            # napari reads the file, and takes the default for each value that is damaged.
            self._stored = get_plugin_settings(PLUGIN)
        except KeyError:  # the package is not installed as a plugin, or the plugin is disabled
            return
        self._on_changed()
        connections.add(self._stored.events.changed, self._on_changed)

    def _read(self, before: Settings) -> Settings:
        """Read all values; keys that cannot be used stay as they were."""
        read = Settings(
            **{f.name: _get(self._stored, f.metadata, f.name) for f in fields(Settings)}
        )
        try:
            check_keys(read, _list_taken())
        except CatsamError as error:
            show_warning(f"{error} in File > Preferences > CAT-SAM")
            kept: dict[str, Any] = {f"key_{name}": key for name, key in before.keys.items()}
            return replace(read, **kept)
        return read

    def _on_changed(self, event: Any = None) -> None:
        session, before = self.session, self.session.settings
        session.settings = settings = self._read(before)
        if settings.backbone != before.backbone:
            session.choose_backbone(settings.backbone)
        if settings.device != before.device:
            session.device = settings.device


def _get(stored: Any, metadata: Mapping[str, Any], name: str) -> Any:
    return getattr(getattr(stored, metadata["section"]), name)


def _list_taken() -> dict[str, str]:
    """Return the single letters that napari uses, in upper case, and for what."""
    shortcuts = get_settings().shortcuts.shortcuts
    named = ((str(key), action) for action, keys in shortcuts.items() for key in keys)
    return {
        key.upper(): action.removeprefix("napari:").replace("_", " ")
        for key, action in named
        if len(key) == 1
    }
