"""Connects the guided first minute with what really happens in the widget."""

from __future__ import annotations

from typing import Any

from napari.components import ViewerModel
from napari.layers import Image
from qtpy.QtWidgets import QWidget

from napari_catsam.plugin.adapt.view import AdaptView
from napari_catsam.plugin.connections import Connections
from napari_catsam.plugin.dock.segment_view import SegmentView
from napari_catsam.plugin.guide.layers import GuideLayers, open_guide_layers
from napari_catsam.plugin.guide.steps import Guide, Happening, Target
from napari_catsam.plugin.guide.view import GuideView, point_out, stop_pointing_out
from napari_catsam.plugin.layers.removal import LayerRemoval
from napari_catsam.plugin.live.commands import LiveCommands
from napari_catsam.plugin.session import Session

__all__ = ["GuidePanel"]

PAUSED = "Press Annotate below to go on."


class GuidePanel:
    """The guide of one widget: offered while there is no image, led by the session's events.

    Parameters
    ----------
    viewer : ViewerModel
        Where the sample is opened.
    session : Session
        Tells what happens.
    commands : LiveCommands
        Starts annotating.
    segment, adapt : SegmentView, AdaptView
        What the user is led to.
    connections : Connections
        Where the connections are kept.

    Attributes
    ----------
    view : GuideView
        The banner.
    guide : Guide or None
        How far the user is; None while nobody is led.
    """

    def __init__(
        self,
        viewer: ViewerModel,
        session: Session,
        commands: LiveCommands,
        segment: SegmentView,
        adapt: AdaptView,
        connections: Connections,
    ) -> None:
        self.view = GuideView()
        self.guide: Guide | None = None
        self._viewer, self._session, self._commands = viewer, session, commands
        self._adapt = adapt
        self._targets: dict[Target, QWidget] = {
            Target.ADAPT: adapt.adapt_button,
            Target.VARIANT: segment.variant,
        }
        self._layers: GuideLayers | None = None
        self._removal = LayerRemoval(viewer, self.view)
        connections.add(self.view.start_requested, self.start)
        connections.add(self.view.end_requested, self.end)
        connections.add(session.events, self._on_session_changed)
        connections.add(commands.accepted, self._on_accepted)
        connections.add(segment.variant.chosen, self._on_variant_chosen)
        connections.add(viewer.layers.events.inserted, self._on_layers_changed)
        connections.add(viewer.layers.events.removed, self._on_layers_changed)
        self._show()

    def start(self) -> None:
        """Open the sample, begin to annotate it, and show the first step."""
        if self.guide is not None:
            return
        self.guide = Guide()
        self._layers = open_guide_layers(self._viewer)
        self._commands.start(self._layers.image)
        self._show()

    def end(self) -> None:
        """Lead no further; what was opened and annotated stays."""
        self.guide = None
        self._remove_frame()
        self._layers = None
        self._show()

    def close(self) -> None:
        """Take the frame away; the views may be gone already, and are left as they are."""
        self.guide = None
        self._remove_frame()
        self._layers = None

    def _note(self, happening: Happening) -> None:
        if self.guide is None:
            return
        before, self.guide = self.guide, self.guide.note(happening)
        if self.guide == before:
            return
        self._remove_frame()
        step = self.guide.step
        if step is not None and step.target is Target.ADAPT and self._layers is not None:
            self._adapt.masks.show_value(self._layers.masks)
            self._layers.masks.visible = True
        if step is None or step.target is Target.VARIANT:
            self._hide_masks()
        self._show()

    # FROM BELOW

    def _on_session_changed(self, info: Any) -> None:
        name, session = info.signal.name, self._session
        if name == "live" and session.live is not None and session.live.answered:
            self._note(Happening.ANSWERED)
        elif name == "scored" and session.scored is not None:  # also one that is not used
            self._note(Happening.ADAPTED)
        elif name in ("annotating", "settings"):
            self._show()

    def _on_accepted(self, labels: Any, written: Any) -> None:
        self._note(Happening.ACCEPTED)

    def _on_variant_chosen(self, variant: Any) -> None:
        if self._session.adapter_fits and self._session.live is not None:
            self._note(Happening.COMPARED)

    def _on_layers_changed(self, event: Any) -> None:
        layers = self._layers
        if layers is not None and layers.image not in self._viewer.layers:
            self._layers = None
            self.end()
            self._removal.remove_soon([layers.frame])
        elif self.guide is None:
            self._show()

    # TO THE USER

    def _show(self) -> None:
        guide = self.guide
        step = None if guide is None else guide.step
        for target, widget in self._targets.items():
            if step is not None and step.target is target:
                point_out(widget)
            else:
                stop_pointing_out(widget)
        if guide is not None:
            waiting = step is not None and not self._session.annotating
            text = PAUSED if waiting else guide.describe(self._session.settings.letters)
            self.view.show_step(guide.title, text)
        elif any(isinstance(layer, Image) for layer in self._viewer.layers):
            self.view.show_nothing()
        else:
            self.view.show_offer()

    def _remove_frame(self) -> None:
        self._removal.remove([] if self._layers is None else [self._layers.frame])

    def _hide_masks(self) -> None:
        if self._layers is not None:
            self._layers.masks.visible = False
