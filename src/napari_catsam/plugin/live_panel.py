"""Connects the buttons for annotating object by object with what they ask for."""

from __future__ import annotations

from typing import Any

from napari_catsam.plugin.connections import Connections
from napari_catsam.plugin.live_commands import LiveCommands
from napari_catsam.plugin.live_view import LiveView
from napari_catsam.plugin.segment_view import SegmentView
from napari_catsam.plugin.session import Session

__all__ = ["LivePanel"]

MODEL_FIELDS = ("backbone", "device", "variant", "adapter")
"""Fields of the session after whose change the object is asked for again."""


class LivePanel:
    """The buttons of one widget, kept in step with its session.

    Parameters
    ----------
    session : Session
        What is chosen, and the object being annotated.
    commands : LiveCommands
        What can be done with it.
    layers : SegmentView
        Where image and target are chosen.
    connections : Connections
        Where the connections are kept.

    Attributes
    ----------
    view : LiveView
        The buttons.
    """

    def __init__(
        self,
        session: Session,
        commands: LiveCommands,
        layers: SegmentView,
        connections: Connections,
    ) -> None:
        self.view = LiveView()
        self._session, self._commands, self._layers = session, commands, layers
        connections.add(self.view.toggled, self._on_toggled)
        connections.add(self.view.accept_requested, commands.accept)
        connections.add(self.view.reading_requested, commands.show_next_reading)
        connections.add(self.view.undo_requested, commands.undo)
        connections.add(self.view.clear_requested, commands.clear)
        connections.add(commands.accepted, self._on_accepted)
        connections.add(layers.target.chosen, self._on_target_chosen)
        connections.add(session.events, self._on_session_changed)
        self.show_state()

    def show_state(self) -> None:
        """Show what can be done with the object."""
        live = self._session.live
        self.view.show_state(
            annotating=self._session.annotating,
            prompts=0 if live is None else len(live.prompts),
            masks=0 if live is None or not live.answered else len(live.readings),
        )

    def _on_toggled(self, on: bool) -> None:
        if on:
            self._commands.start(self._layers.image.value, self._layers.target.value)
        else:
            self._commands.stop()
        self.show_state()

    def _on_target_chosen(self, target: Any) -> None:
        self._commands.choose_target(target)

    def _on_accepted(self, labels: Any, _: Any) -> None:
        self._layers.target.show_value(labels)

    def _on_session_changed(self, info: Any) -> None:
        self.show_state()
        if info.signal.name in MODEL_FIELDS:
            self._commands.ask_again()
