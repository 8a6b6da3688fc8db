"""Connects what is shown of adapting: the shots, the training, its scores, and the versions."""

from __future__ import annotations

from typing import Any

from napari.components import ViewerModel
from napari.layers import Image, Labels
from qtpy.QtCore import QObject

from napari_catsam.plugin.adapt.compare_key import COMPARE_KEY, CompareKey
from napari_catsam.plugin.adapt.comparison_panel import ComparisonPanel
from napari_catsam.plugin.adapt.curves import TrainingCurves
from napari_catsam.plugin.adapt.preview_panel import PreviewPanel
from napari_catsam.plugin.adapt.recipe import USUAL_METHODS, Recipe
from napari_catsam.plugin.adapt.scores_view import ScoreRow
from napari_catsam.plugin.adapt.shots_summary import ShotsSummary
from napari_catsam.plugin.adapt.shots_watch import ShotsWatch
from napari_catsam.plugin.adapt.suggest_panel import SuggestPanel
from napari_catsam.plugin.adapt.versions import (
    AdapterVersion,
    describe_version,
    find_verdict,
    find_version,
)
from napari_catsam.plugin.adapt.view import AdaptView
from napari_catsam.plugin.commands import Commands
from napari_catsam.plugin.connections import Connections
from napari_catsam.plugin.dock.segment_view import SegmentView
from napari_catsam.plugin.session import Session, Variant
from napari_catsam.plugin.wording import with_unit

__all__ = ["COMPARE_KEY", "AdaptPanel"]

BASE = 0
"""Number of the base model among the versions."""

VERSION_FIELDS = ("versions", "adapter", "variant", "start", "backbone", "scored")

NOTHING_TO_COMPARE = "there is no adapter for {backbone} yet: press Adapt, or load one"


class AdaptPanel:
    """The lower half of one widget, kept in step with its session.

    Parameters
    ----------
    viewer : ViewerModel
        Whose layers; gets a key.
    session : Session
        What is chosen, how far the training is, and the versions.
    commands : Commands
        What can be asked for.
    view : AdaptView
        What the user sees.
    segment_view : SegmentView
        Where the image is chosen.
    connections : Connections
        Where the connections are kept.
    parent : QObject
        Owner of the thread that counts the shots.

    Attributes
    ----------
    shots : ShotsWatch
        Counts the masks.
    curves : TrainingCurves
        Of the training that runs, or else of the last one.
    preview : PreviewPanel
        Shows what the model in training makes of the plane.
    """

    def __init__(
        self,
        viewer: ViewerModel,
        session: Session,
        commands: Commands,
        view: AdaptView,
        segment_view: SegmentView,
        connections: Connections,
        parent: QObject,
    ) -> None:
        self._session, self._view, self._segment = session, view, segment_view
        self._commands = commands
        self.shots = ShotsWatch(viewer, session, parent)
        self.curves = TrainingCurves()
        self.preview = PreviewPanel(
            viewer, session, commands.training, view, segment_view, connections
        )
        self._comparison = ComparisonPanel(
            viewer, session, commands.comparer, view, segment_view, connections
        )
        self._suggest = SuggestPanel(session, commands.suggester, view, segment_view, connections)
        self._key = CompareKey(viewer, session, self.compare)
        add = connections.add
        for box in (view.masks, view.recipe.ignore):
            add(box.currentIndexChanged, self._on_layers_changed)
        add(segment_view.image.currentIndexChanged, self._on_layers_changed)
        add(self.shots.summarised, self._on_summarised)
        add(view.method.chosen, self._on_method_chosen)
        add(view.recipe.method.chosen, self._on_method_chosen)
        add(view.budget_changed, self._on_budget_changed)
        add(view.pause_requested, commands.training.toggle_pause)
        add(view.stop_requested, commands.training.stop)
        add(view.cancel_requested, commands.training.cancel)
        add(view.load_requested, commands.load_adapter)
        add(view.save_requested, commands.save_adapter)
        add(view.compare_requested, self.compare)
        add(view.start.chosen, self._on_start_chosen)
        add(view.recipe.changed, self._on_recipe_changed)
        add(view.versions.use_requested, self._on_use_requested)
        add(view.versions.delete_requested, self._on_delete_requested)
        add(view.versions.note_written, self._on_note_written)
        add(view.versions.files_dropped, self._on_files_dropped)
        add(session.events, self._on_session_changed)
        view.recipe.show_recipe(session.recipe)
        self._show_curves()
        self._show_versions()
        self._show_run()

    def compare(self) -> None:
        """Let the other of base and adapted model answer: for the object, or for the plane's masks."""
        session = self._session
        if not session.compare():
            session.note = NOTHING_TO_COMPARE.format(backbone=session.backbone)
        elif session.live is None:
            self._comparison.compare()

    def close(self) -> None:
        """Count nothing more, and leave the key free."""
        self._key.release()
        self.preview.close()
        self._comparison.close()
        self.shots.close()

    # FROM THE USER

    def _on_layers_changed(self, _: int = 0) -> None:
        image, masks = self._segment.image.value, self._view.masks.value
        ignore = self._view.recipe.ignore.value
        self.shots.follow(
            image if isinstance(image, Image) else None,
            masks if isinstance(masks, Labels) else None,
            ignore if isinstance(ignore, Labels) else None,
        )

    def _on_method_chosen(self, name: str) -> None:
        self._session.method = name or USUAL_METHODS[0]

    def _on_budget_changed(self, seconds: int) -> None:
        self._session.budget = float(seconds)

    def _on_start_chosen(self, number: int) -> None:
        version = self._find(number)
        self._session.start = None if version is None else version.adapter

    def _on_recipe_changed(self, recipe: Recipe) -> None:
        self._session.recipe = recipe

    def _on_use_requested(self, number: int) -> None:
        self._session.use_version(self._find(number))

    def _on_delete_requested(self, number: int) -> None:
        version = self._find(number)
        if version is not None:
            self._session.delete_version(version)

    def _on_note_written(self, number: int, note: str) -> None:
        version = self._find(number)
        if version is not None:
            self._session.write_note(version, note)

    def _on_files_dropped(self, paths: list[str]) -> None:
        for path in paths:
            self._commands.load_adapter(path)

    def _find(self, number: int) -> AdapterVersion | None:
        return next((v for v in self._session.versions if v.number == number), None)

    # FROM BELOW

    def _on_summarised(self, summary: ShotsSummary) -> None:
        pictures = [(picture.pixels, picture.text) for picture in summary.pictures]
        self._view.shots.show_shots(summary.text, pictures)

    def _on_session_changed(self, info: Any) -> None:
        name = info.signal.name
        if name == "training":
            self._on_progress()
        if name in ("training", "adapting", "resting"):
            self._show_run()
        if name in VERSION_FIELDS:
            self._show_versions()
        if name == "recipe":
            self._view.recipe.show_recipe(self._session.recipe)
        if name == "channels":
            self._on_layers_changed()
        if name == "settings":
            self._key.refresh()
            self._show_versions()

    def _on_progress(self) -> None:
        progress = self._session.training
        if progress is None:
            self.curves = TrainingCurves()
        else:
            self.curves.add(progress)
        self._show_curves()

    # TO THE USER

    def _show_curves(self) -> None:
        curves = self.curves
        known = bool(curves.losses or curves.scores or curves.before is not None)
        self._view.curves.setVisible(known)
        if known:
            end = max(1, curves.last_step)
            self._view.curves.show_curves(curves.losses, curves.scores, curves.before, end)

    def _show_run(self) -> None:
        session, progress = self._session, self._session.training
        left = ""
        if session.adapting and progress is not None:
            seconds = max(0.0, self._commands.training.budget - progress.seconds)
            left = with_unit(f"{seconds:.0f}", "s left") + (", paused" if session.resting else "")
        self._view.show_run(adapting=session.adapting, paused=session.resting, time_left=left)

    def _show_versions(self) -> None:
        session, view = self._session, self._view
        fitting = [v for v in session.versions if v.adapter.header.backbone == session.backbone]
        choices: list[tuple[str, object]] = [("base model", BASE)]
        choices += [(version.name, version.number) for version in fitting]
        start = find_version(fitting, session.start)
        view.start.set_choices(choices, BASE if start is None else start.number)
        view.start.setEnabled(bool(fitting))
        view.method.setEnabled(start is None)
        view.recipe.method.setEnabled(start is None)
        used = find_version(session.versions, session.model.adapter)
        rows = [(BASE, "base model")]
        rows += [(version.number, describe_version(version)) for version in session.versions]
        number, note = (BASE, "") if used is None else (used.number, used.note)
        view.versions.show_versions(rows, number, note)
        view.versions.setVisible(bool(session.versions))
        other = "adapted" if session.variant is Variant.BASE else "base"
        key = session.settings.compare_letter
        text = f"Show {other} ({key})" if key else f"Show {other}"
        view.show_compare(text, ready=session.adapter_fits)
        self._show_scores()

    def _show_scores(self) -> None:
        session, adapter = self._session, self._session.scored
        if adapter is None:
            self._view.scores.show_scores([], "")
            return
        scores = getattr(adapter.header, "scores", ())
        rows = [ScoreRow(f"{s.shot} · {s.label}", s.before, s.after) for s in scores]
        verdict, version = find_verdict(adapter.header), find_version(session.versions, adapter)
        if version is not None and version.parent:
            verdict = verdict.replace("the base model", version.parent)
        self._view.scores.show_scores(rows, verdict)
