"""Keeps a session and its engine in step: what the model takes, and how much may be kept."""

from __future__ import annotations

from napari_catsam.plugin.connections import Connections
from napari_catsam.plugin.device.engine import Engine
from napari_catsam.plugin.device.jobs import DeviceQueue
from napari_catsam.plugin.session import Session

__all__ = ["EngineLink"]


class EngineLink:
    """Tells the session what the engine measured, and the engine what the user set.

    Parameters
    ----------
    session : Session
        Its ``usage`` is set from here.
    engine : Engine
        Its limit for embeddings is set from here.
    queue : DeviceQueue
        Tells when work has ended.
    connections : Connections
        Where the connections are kept.
    """

    def __init__(
        self, session: Session, engine: Engine, queue: DeviceQueue, connections: Connections
    ) -> None:
        self._session, self._engine = session, engine
        connections.add(session.events.activity, self._on_step)
        connections.add(queue.busy_changed, self._on_step)
        connections.add(session.events.settings, self._on_settings_changed)
        self._on_settings_changed()

    def _on_step(self, _: object = None) -> None:
        self._session.usage = self._engine.usage

    def _on_settings_changed(self, _: object = None) -> None:
        self._engine.embeddings.limit = self._session.settings.embeddings_mb * 10**6
