"""The dock widget: one coordinator that connects session, views, layers and commands."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from napari.layers import Shapes
from napari.viewer import Viewer
from qtpy.QtCore import QEvent
from qtpy.QtGui import QCloseEvent
from qtpy.QtWidgets import QWidget

from napari_catsam.plugin.adapt.panel import AdaptPanel
from napari_catsam.plugin.adapt.view import AdaptView
from napari_catsam.plugin.channels.panel import ChannelsPanel
from napari_catsam.plugin.commands import Commands
from napari_catsam.plugin.connections import Connections
from napari_catsam.plugin.device.engine_link import EngineLink
from napari_catsam.plugin.device.jobs import DeviceQueue
from napari_catsam.plugin.dock.layout import lay_out_dock
from napari_catsam.plugin.dock.presenter import Presenter
from napari_catsam.plugin.dock.segment_view import SegmentView
from napari_catsam.plugin.dock.status_view import StatusView
from napari_catsam.plugin.dock.work_view import WorkView
from napari_catsam.plugin.export_panel import ExportPanel
from napari_catsam.plugin.guide.panel import GuidePanel
from napari_catsam.plugin.layers.choices import LayerChoices
from napari_catsam.plugin.layers.new_layers import add_points, add_shapes
from napari_catsam.plugin.live.panel import LivePanel
from napari_catsam.plugin.live.resume import LiveResume
from napari_catsam.plugin.objects.panel import ObjectsPanel
from napari_catsam.plugin.preferences import Preferences
from napari_catsam.plugin.project.autosave import Autosave
from napari_catsam.plugin.project.restore_bar import RestoreBar
from napari_catsam.plugin.project.restoring import RestoredLayers, use_channels, use_model
from napari_catsam.plugin.project.writer import NOT_SAVED
from napari_catsam.plugin.session import PASSING, Session, Variant
from napari_catsam.plugin.wording import Trouble

__all__ = ["CatsamWidget"]


class CatsamWidget(QWidget):
    """Segment boxes and points into Labels, and adapt the model to the masks drawn so far.

    Parameters
    ----------
    napari_viewer : Viewer
        Where the layers are.
    session : Session, optional
        What is chosen; a new one when left out, which follows the preferences.

    Attributes
    ----------
    session : Session
        The state; a program may set its fields.
    queue : DeviceQueue
        What runs.
    commands : Commands
        What can be asked for.
    guide : GuidePanel
        Leads through the first minute.
    objects : ObjectsPanel
        Lists the objects of the layer that masks are written into.
    autosave : Autosave
        Keeps the work on disk.
    segment_view, live_view, adapt_view, restore_bar, work_view : QWidget
        What the user sees.
    status : StatusView
        Says what runs and on what, and what to do next.
    """

    def __init__(self, napari_viewer: Viewer, session: Session | None = None) -> None:
        super().__init__()
        self._connections = Connections()
        self._preferences = Preferences(self._connections, session)
        self.session = self._preferences.session
        self.queue = DeviceQueue(self)
        self.commands = Commands(napari_viewer, self.session, self.queue)
        self.autosave = Autosave(napari_viewer, self.session, self)
        self.segment_view, self.adapt_view = SegmentView(), AdaptView()
        self.restore_bar, self.work_view = RestoreBar(), WorkView()
        self.status = StatusView()
        self._viewer = napari_viewer
        # The window may be torn down without an event that reaches this widget.
        self.destroyed.connect(self._connections.close)
        self._make_live(napari_viewer)
        self._make_panels(napari_viewer)
        self._lay_out()
        self._connect()
        self._layers = LayerChoices(
            napari_viewer,
            image=self.segment_view.image,
            shapes=self.segment_view.shapes,
            points=self.segment_view.points,
            masks=self.adapt_view.masks,
            target=self.segment_view.target,
            ignore=self.adapt_view.recipe.ignore,
            on_rename=self._on_layers_renamed,
            on_change=self._on_layers_changed,
            connections=self._connections,
        )
        self._presenter.show_session()

    def segment(self) -> None:
        """Segment what is drawn, as the button does."""
        view = self.segment_view
        self.commands.segment(
            view.image.value, view.shapes.value, view.points.value, view.target.value
        )

    def adapt(self) -> None:
        """Adapt to the chosen masks, as the button does."""
        view = self.adapt_view
        self.commands.training.adapt(
            self.segment_view.image.value, view.masks.value, view.recipe.ignore.value
        )

    def shut_down(self) -> None:
        """Stop all work and listen to nothing any more; layers stay as they are."""
        self._connections.close()
        # Before the object in progress is gone, so that it can be gone on with.
        self.autosave.close()
        self.commands.live.stop()
        self.guide.close()
        self._export.close()
        self.objects.close()
        self._adapt.close()
        self.queue.close()

    def closeEvent(self, event: QCloseEvent | None) -> None:
        """Shut down with the window."""
        self.shut_down()
        super().closeEvent(event)

    def event(self, event: QEvent | None) -> bool:
        """Shut down when napari takes the widget out of its dock, which sends no close event."""
        handled = super().event(event)
        if event is not None and event.type() == QEvent.Type.ParentChange and self.parent() is None:
            self.shut_down()
        return handled

    # SET UP

    def _make_live(self, viewer: Viewer) -> None:
        self._link = EngineLink(self.session, self.commands.engine, self.queue, self._connections)
        self._live = LivePanel(
            self.session, self.commands.live, self.segment_view, self._connections
        )
        self._resume = LiveResume(
            viewer, self.session, self.commands.live, self.autosave.prompts,
            self._connections,
        )  # fmt: skip
        self.live_view = self._live.view

    def _make_panels(self, viewer: Viewer) -> None:
        self._presenter = Presenter(
            viewer, self.session, self.segment_view, self.adapt_view, self.status
        )
        self._channels = ChannelsPanel(viewer, self.session, self.segment_view, self._connections)
        self.guide = GuidePanel(
            viewer, self.session, self.commands.live, self.segment_view, self.adapt_view,
            self._connections,
        )  # fmt: skip
        self._export = ExportPanel(
            self.session, self.work_view, self.segment_view, self.adapt_view,
            self._connections, self,
        )  # fmt: skip
        self.objects = ObjectsPanel(
            viewer, self.session, self.segment_view.target, self.commands.objects,
            self._connections,
        )  # fmt: skip
        self._adapt = AdaptPanel(
            viewer, self.session, self.commands, self.adapt_view, self.segment_view,
            self._connections, self,
        )  # fmt: skip

    def _lay_out(self) -> None:
        scrolled = (
            self.segment_view, self.live_view, self.objects.view, self.segment_view.batch,
            self.adapt_view, self.work_view,
        )  # fmt: skip
        lay_out_dock(self, (self.guide.view, self.status, self.restore_bar), scrolled)

    def _connect(self) -> None:
        segment, adapt, add = self.segment_view, self.adapt_view, self._connections.add
        add(segment.backbone.chosen, self._on_backbone_chosen)
        add(segment.device.chosen, self._on_device_chosen)
        add(segment.variant.chosen, self._on_variant_chosen)
        for box in (segment.image, segment.shapes, segment.points, segment.target, adapt.masks):
            add(box.chosen, self._on_layers_changed)
        add(segment.shapes_requested, self._on_shapes_requested)
        add(segment.points_requested, self._on_points_requested)
        add(segment.segment_requested, self.segment)
        add(adapt.adapt_requested, self.adapt)
        add(self.restore_bar.restore_requested, self.autosave.restore)
        add(self.restore_bar.discard_requested, self.autosave.discard)
        add(self.autosave.offered, self.restore_bar.show_offer)
        add(self.autosave.restored, self._on_restored)
        add(self.autosave.saved, self._on_saved)
        add(self.autosave.failed, self._on_not_saved)
        add(self.work_view.folder_chosen, self.autosave.keep_in)
        add(self.commands.labels_written, self._on_labels_written)
        live = self.commands.live
        for signal in (live.accepted, live.refined, self.commands.labels_written):
            add(signal, self.objects.record)
        add(self.queue.busy_changed, self._on_busy_changed)
        add(self.session.events, self._on_session_changed)
        dims = self._viewer.dims.events
        for signal in (dims.current_step, dims.ndisplay, dims.order):
            add(signal, self._on_dims_changed)

    # FROM THE USER

    def _on_backbone_chosen(self, name: str) -> None:
        self.session.choose_backbone(name)

    def _on_device_chosen(self, name: str) -> None:
        self.session.device = name

    def _on_variant_chosen(self, variant: Variant) -> None:
        self.session.variant = variant

    def _on_shapes_requested(self) -> None:
        layer = add_shapes(self._viewer, self.segment_view.image.value)
        self.segment_view.shapes.show_value(layer)
        self._on_layers_changed()

    def _on_points_requested(self) -> None:
        layer = add_points(self._viewer, self.segment_view.image.value)
        self.segment_view.points.show_value(layer)
        self._on_layers_changed()

    # FROM BELOW

    def _on_layers_changed(self, _: object = None) -> None:
        self.session.note = ""
        view = self.segment_view
        # First: what is saved of the image that is left are the channels that it had.
        self.autosave.follow(view.image.value, view.shapes.value, view.points.value)
        self._channels.refresh()
        self._presenter.show_state()

    def _on_layers_renamed(self) -> None:
        self._channels.refresh()
        self._presenter.show_state()

    def _on_dims_changed(self, event: Any) -> None:
        self._on_layers_changed()

    def _on_labels_written(self, labels: Any, written: Any) -> None:
        note = self.session.note
        self.segment_view.target.show_value(labels)
        self.commands.live.choose_target(labels)
        self.adapt_view.masks.show_value(labels)
        # Ctrl+Z is the selected layer's, and what comes next is to correct a mask.
        self._viewer.layers.selection.active = labels
        self.session.note = note

    def _on_saved(self, folder: Path) -> None:
        self.work_view.show_saved(folder)
        if self.session.note.startswith(NOT_SAVED):
            self.session.note = ""

    def _on_not_saved(self, text: str) -> None:
        self.work_view.show_not_saved(text)
        self.session.note = Trouble(text)

    def _on_restored(self, layers: RestoredLayers) -> None:
        for layer in layers.prompts:
            boxes = isinstance(layer, Shapes)
            (self.segment_view.shapes if boxes else self.segment_view.points).show_value(layer)
        for layer in layers.labels[-1:]:
            self.segment_view.target.show_value(layer)
            self.commands.live.choose_target(layer)
            self.adapt_view.masks.show_value(layer)
        self._on_layers_changed()
        image = self.segment_view.image.value
        use_channels(layers.restored, self.session, image, self._viewer)
        load = self.commands.load_adapter, self.commands.load_versions
        use_model(layers.restored, self.session, *load)

    def _on_busy_changed(self, busy: bool) -> None:
        if not busy:
            self.session.activity = ""
        self._presenter.show_state()

    def _on_session_changed(self, info: Any) -> None:
        if info.signal.name == "settings":
            self.work_view.show_allowed(allowed=self.session.settings.autosave)
        if info.signal.name in PASSING:
            self._presenter.show_state()
        elif info.signal.name != "training":  # which comes with every step, and is shown elsewhere
            self._presenter.show_session()
