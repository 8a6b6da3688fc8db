"""Connects the buttons for annotating object by object with what they ask for."""

from __future__ import annotations

from typing import Any

from napari_catsam.plugin.connections import Connections
from napari_catsam.plugin.dock.segment_view import SegmentView
from napari_catsam.plugin.layers.mask_writing import WritePolicy
from napari_catsam.plugin.live.commands import LiveCommands
from napari_catsam.plugin.live.view import LiveView
from napari_catsam.plugin.session import Session

__all__ = ["LivePanel"]

MODEL_FIELDS = ("backbone", "device", "variant", "adapter", "channels")
"""Fields of the session after whose change another model may answer, or see other channels."""

NO_NUMBER = "put the mouse over an object and press {key}, or type its number"


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
        self._answering = self._find_answering()
        connections.add(self.view.toggled, self._on_toggled)
        connections.add(self.view.tool.chosen, self._on_tool_chosen)
        connections.add(self.view.accept_requested, commands.accept)
        connections.add(self.view.reading_requested, commands.show_next_reading)
        connections.add(self.view.new_requested, commands.new_object)
        connections.add(self.view.refine_requested, self._on_refine_requested)
        connections.add(self.view.overwrite_toggled, self._on_overwrite_toggled)
        connections.add(self.view.undo_requested, commands.undo)
        connections.add(self.view.clear_requested, commands.clear)
        connections.add(commands.accepted, self._on_accepted)
        connections.add(layers.target.chosen, self._on_target_chosen)
        connections.add(session.events, self._on_session_changed)
        self.view.show_keys(session.settings.letters)
        self.show_state()

    def show_state(self) -> None:
        """Show what can be done with the object."""
        live = self._session.live_shown
        masks = 0 if live is None or not live.answered else len(live.readings)
        self.view.show_overwrite(on=self._session.write_policy is WritePolicy.OVERWRITE)
        self.view.show_state(
            annotating=self._session.annotating,
            tool=self._session.tool,
            prompts=0 if live is None else len(live.prompts),
            masks=masks,
            acceptable=masks > 0 or self._commands.awaited,
        )

    def _on_toggled(self, on: bool) -> None:
        if on:
            self._commands.start(self._layers.image.value, self._layers.target.value)
        else:
            self._commands.stop()
        self.show_state()

    def _on_refine_requested(self, number: str) -> None:
        if number:
            self._commands.refine_number(int(number))
        else:
            self._session.note = NO_NUMBER.format(key=self._session.settings.letters["G"])

    def _on_overwrite_toggled(self, on: bool) -> None:
        self._session.write_policy = WritePolicy.OVERWRITE if on else WritePolicy.KEEP_OTHERS

    def _on_tool_chosen(self, tool: Any) -> None:
        self._session.tool = tool

    def _on_target_chosen(self, target: Any) -> None:
        self._commands.choose_target(target)

    def _on_accepted(self, labels: Any, _: Any) -> None:
        self._layers.target.show_value(labels)

    def _on_session_changed(self, info: Any) -> None:
        self.show_state()
        if info.signal.name == "settings":
            self.view.show_keys(self._session.settings.letters)
        if info.signal.name in MODEL_FIELDS:
            self._ask_another()

    def _ask_another(self) -> None:
        """Ask for the object again, unless the same model answers, as after a vain training."""
        answering = self._find_answering()
        if answering != self._answering:
            self._answering = answering
            self._commands.ask_again()

    def _find_answering(self) -> tuple[object, ...]:
        model = self._session.model
        return model.key, model.tag, self._session.channels
