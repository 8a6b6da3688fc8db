"""What the dock says at every moment."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from napari_catsam.errors import OutOfMemoryError
from napari_catsam.plugin.catsam_widget import CatsamWidget
from napari_catsam.plugin.device.engine import Usage
from napari_catsam.plugin.dock.status_view import StatusView
from napari_catsam.plugin.layers.planes import locate_plane
from napari_catsam.plugin.session import Session, Variant
from napari_catsam.plugin.settings import Settings
from napari_catsam.plugin.wording import Trouble, describe_bytes, describe_doing, describe_plane

WAIT = 10_000
BOX = [[[12, 5, 5], [12, 5, 20], [12, 20, 20], [12, 20, 5]]]


@pytest.fixture
def stack(viewer: Any) -> Any:
    """Show plane 12 of a stack whose axes have names, with a box on it."""
    image = viewer.add_image(np.zeros((20, 40, 60), np.uint8), axis_labels=("z", "y", "x"))
    viewer.add_shapes(BOX, shape_type="rectangle")
    viewer.dims.set_current_step(0, 12)
    return image


@pytest.fixture(autouse=True)
def _quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("napari_catsam.plugin.troubles.show_error", lambda text: None)


def test_an_empty_viewer_is_told_what_to_do_first(viewer: Any, widget: CatsamWidget) -> None:
    assert widget.status.doing.text() == "Ready · vit_nano · auto"
    assert widget.status.message.text() == "Open an image"
    viewer.add_image(np.zeros((40, 60)))
    assert widget.status.message.text() == "Press Annotate, then draw a box or click an object"


def test_while_a_plane_is_embedded_all_of_it_is_said(
    qtbot: Any, widget: CatsamWidget, library: Any, stack: Any, wait_idle: Callable[[Any], None],
    adapter_factory: Callable[..., Any],
) -> None:  # fmt: skip
    gate = threading.Event()
    library.predictor("vit_nano adapted").gate = gate
    widget.session.open_adapter(adapter_factory(), "polyps-v2")
    widget.segment()
    line = "Embedding z=12 · vit_nano + polyps-v2 · cpu · 85\xa0MB"
    qtbot.waitUntil(lambda: widget.status.doing.text() == line, timeout=WAIT)
    assert widget.status.busy_line.busy
    gate.set()
    wait_idle(widget)
    assert widget.status.doing.text() == "Ready · vit_nano + polyps-v2 · cpu · 85\xa0MB"
    assert widget.status.message.text().startswith("1 object in")
    assert not widget.status.busy_line.busy


def test_embeddings_count_as_memory_in_use(
    widget: CatsamWidget, library: Any, stack: Any, wait_idle: Callable[[Any], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    class Weighty(tuple[int, ...]):
        nbytes = 2_000_000_000

    embed = library.predictors["vit_nano"].embed
    monkeypatch.setattr(
        library.predictors["vit_nano"], "embed", lambda *image: Weighty(embed(*image))
    )
    widget.segment()
    wait_idle(widget)
    assert widget.session.usage == Usage(widget.session.base.base_key, "cpu", 2_085_000_000)
    assert widget.status.doing.text().endswith("· cpu · 2.1\xa0GB")


def test_another_choice_is_said_without_what_was_measured_of_the_last(
    widget: CatsamWidget, stack: Any, wait_idle: Callable[[Any], None]
) -> None:
    widget.segment()
    wait_idle(widget)
    for change in ("vit_b", "vit_nano"):
        widget.segment_view.backbone.chosen.emit(change)
        assert ("85\xa0MB" in widget.status.doing.text()) == (change == "vit_nano")
    widget.session.settings = Settings(precision="fp32")
    assert widget.status.doing.text() == "Ready · vit_nano · auto"


def test_an_error_is_marked_until_something_else_is_said(
    viewer: Any, widget: CatsamWidget, library: Any, stack: Any, wait_idle: Callable[[Any], None]
) -> None:
    library.predictors["vit_nano"].error = OutOfMemoryError("no memory; choose the device cpu")
    widget.segment()
    wait_idle(widget)
    assert widget.status.message.text() == "Cannot segment: no memory; choose the device cpu"
    assert widget.status.message.styleSheet()
    viewer.dims.set_current_step(0, 3)
    assert widget.status.message.text() == "Press Annotate, then draw a box or click an object"
    assert not widget.status.message.styleSheet()


def test_only_notes_of_trouble_are_marked(widget: CatsamWidget) -> None:
    widget.session.note = "adapter written to a file"
    assert not widget.status.message.styleSheet()
    widget.session.note = Trouble("cannot save the adapter: the disk is full")
    assert widget.status.message.styleSheet()


def test_the_line_moves_only_while_it_is_seen_and_something_runs(qtbot: Any) -> None:
    view = StatusView()
    qtbot.addWidget(view)
    view.show_doing("embedding z=12", busy=True)
    assert not view.busy_line._timer
    view.show()
    assert view.busy_line._timer
    before = view.busy_line._frame
    qtbot.waitUntil(lambda: view.busy_line._frame != before, timeout=WAIT)
    view.show_doing("ready", busy=False)
    assert not view.busy_line._timer


def test_a_model_that_the_activity_names_is_not_named_again() -> None:
    session = Session(activity="loading vit_nano")
    assert describe_doing(session) == "loading vit_nano · auto"


def test_an_adapter_without_a_file_goes_by_its_version(adapter_factory: Callable[..., Any]) -> None:
    session = Session()
    session.open_adapter(adapter_factory(), "polyps-v2")
    session.keep_adapter(adapter_factory(0.1, 0.9))
    assert session.variant is Variant.ADAPTED
    assert str(session.model) == "vit_nano + v2"


@pytest.mark.parametrize(
    ("shape", "labels", "words"),
    [
        ((40, 60), None, "cells"),
        ((40, 60), ("y", "x"), "cells"),
        ((5, 40, 60), None, "cells [3]"),
        ((5, 40, 60), ("z", "y", "x"), "z=3"),
        ((4, 5, 40, 60), ("t", "z", "y", "x"), "t=2, z=3"),
    ],
)
def test_a_plane_goes_by_the_names_of_its_axes(
    viewer: Any, shape: tuple[int, ...], labels: Any, words: str
) -> None:
    image = viewer.add_image(np.zeros(shape, np.uint8), name="cells", axis_labels=labels)
    viewer.dims.current_step = (2, 3, 0, 0)[-len(shape) :]
    plane = locate_plane(viewer, image)
    assert describe_plane(plane) == words
    assert describe_plane(replace(plane, labels=())).startswith("cells")


@pytest.mark.parametrize(
    ("count", "words"),
    [(0, "0 MB"), (85_400_000, "85 MB"), (340_000_000, "0.3 GB"), (2_100_000_000, "2.1 GB")],
)
def test_bytes_are_said_in_few_digits_on_one_line(count: int, words: str) -> None:
    assert describe_bytes(count) == words.replace(" ", "\N{NO-BREAK SPACE}")
