"""A library without torch, and a widget in a real viewer."""

from __future__ import annotations

import gc
import threading
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from napari import Viewer
from napari.components import ViewerModel

from napari_catsam.errors import AdapterError, PromptError
from napari_catsam.plugin.catsam_widget import CatsamWidget
from napari_catsam.plugin.session import Session
from napari_catsam.types import Intensity, Masks, Progress, Prompts, Shot

WAIT = 10_000
"""Milliseconds that a test waits for a signal before it fails."""


@dataclass
class FakePredictor:
    """Fills boxes and outlines, and draws 5 x 5 squares at points."""

    name: str
    embedded: list[tuple[Any, Intensity | None]] = field(default_factory=list)
    error: Exception | None = None
    gate: threading.Event | None = None
    asked: list[Prompts] = field(default_factory=list)

    def embed(self, image: Any, intensity: Intensity | None = None) -> Any:
        if self.gate is not None:
            assert self.gate.wait(WAIT / 1000)
        self.embedded.append((np.asarray(image), intensity))
        return np.asarray(image).shape[:2]

    def predict(self, embedding: Any, prompts: Prompts) -> Masks:
        if self.error is not None:
            raise self.error
        masks = np.zeros((len(prompts), *embedding), bool)
        for number in range(len(prompts)):
            if prompts.masks is not None:
                masks[number] = np.asarray(prompts.masks)[number]
            elif prompts.boxes is not None:
                r0, c0, r1, c1 = np.asarray(prompts.boxes)[number].round().astype(int)
                masks[number, r0:r1, c0:c1] = True
            else:
                row, column = np.asarray(prompts.points)[number, 0].round().astype(int)
                masks[number, max(row - 2, 0) : row + 3, max(column - 2, 0) : column + 3] = True
        scores = np.linspace(0.9, 0.8, len(prompts), dtype=np.float32)
        return Masks(masks, scores, np.zeros((len(prompts), 4, 4), np.float32))

    def predict_readings(self, embedding: Any, prompts: Prompts) -> Masks:
        """Squares of 3, 5 and 7 pixels around a lone click; around the last of several, one of 5."""
        if self.error is not None:
            raise self.error
        self.asked.append(prompts)
        if prompts.boxes is not None:
            return self.predict(embedding, Prompts(boxes=prompts.boxes))
        points = np.asarray(prompts.points)[0].round().astype(int)
        if prompts.masks is not None and np.shape(prompts.masks)[1:] == embedding:
            return self._change(np.asarray(prompts.masks) > 0, points[-1], prompts)
        reaches = (1, 2, 3) if len(points) == 1 else (2,)
        masks = np.zeros((len(reaches), *embedding), bool)
        for mask, reach in zip(masks, reaches, strict=True):
            row, column = points[-1]
            mask[
                max(row - reach, 0) : row + reach + 1, max(column - reach, 0) : column + reach + 1
            ] = 1
        scores = np.linspace(0.9, 0.8, len(reaches), dtype=np.float32)
        return Masks(masks, scores, np.zeros((len(reaches), 4, 4), np.float32))

    def _change(self, masks: Any, place: Any, prompts: Prompts) -> Masks:
        """Add 5 x 5 pixels at the last click to a mask, or take them out of it."""
        row, column = np.maximum(place - 2, 0)
        changed = masks.copy()
        changed[0, row : place[0] + 3, column : place[1] + 3] = np.asarray(prompts.labels)[0, -1]
        return Masks(changed, np.float32([0.7]), np.where(changed, 1, -1).astype(np.float32))


@dataclass
class FakeAdapter:
    """Scores and a file."""

    header: Any
    sha256: str = "0" * 64

    def save(self, path: Path) -> Path:
        path.write_text(self.header.backbone)
        return path


def make_adapter(
    before: float = 0.5, after: float = 0.7, backbone: str = "vit_nano"
) -> FakeAdapter:
    header = SimpleNamespace(
        method="cat-a", backbone=backbone, score_before=before, score_after=after,
        note="scored on 1 object held out",
    )  # fmt: skip
    return FakeAdapter(header)


@dataclass
class FakeLibrary:
    """Loads at once, trains as many steps as it is let to."""

    loaded: list[tuple[str, str]] = field(default_factory=list)
    predictors: dict[str, FakePredictor] = field(default_factory=dict)
    shots: list[Shot] = field(default_factory=list)
    adapter: FakeAdapter = field(default_factory=make_adapter)
    steps: int = 3
    step_done: Callable[[int], None] = lambda step: None
    stopped_at: int | None = None
    closed: bool = False
    threads: set[int] = field(default_factory=set)

    def backbones(self) -> list[str]:
        return ["vit_nano", "vit_b"]

    def methods(self) -> list[str]:
        return ["cat-a", "cat-t"]

    def load_model(
        self, backbone: str, device: str, precision: str = "auto", folder: str = ""
    ) -> str:
        self.threads.add(threading.get_ident())
        self.loaded.append((backbone, device))
        return backbone

    def device_of(self, model: str) -> str:
        return "cpu"

    def measure_memory(self, model: str, embeddings: int) -> int:
        return 85_000_000 + embeddings

    def apply_adapter(self, model: str, adapter: FakeAdapter) -> str:
        return f"{model} adapted"

    def predictor(self, model: str) -> FakePredictor:
        return self.predictors.setdefault(model, FakePredictor(model))

    def fit(
        self, model: str, shots: Sequence[Shot], **config: Any
    ) -> Generator[Progress, bool | None, FakeAdapter]:
        self.shots = list(shots)
        try:
            for step in range(self.steps):
                self.step_done(step)
                if (yield Progress(step, self.steps, 0.1 * step, 0.5, 0.5, 0.6, "training")):
                    self.stopped_at = step
                    break
        except GeneratorExit:
            self.closed = True
            raise
        return self.adapter

    def load_adapter(self, path: Path) -> FakeAdapter:
        if not path.exists():
            raise AdapterError(f"{path} is no adapter")
        return make_adapter(backbone=path.read_text())

    def add_note(self, adapter: FakeAdapter, note: str) -> FakeAdapter:
        header = SimpleNamespace(
            **vars(adapter.header) | {"note": f"{note}; {adapter.header.note}"}
        )
        return FakeAdapter(header)


@pytest.fixture
def library() -> FakeLibrary:
    library = FakeLibrary()
    library.predictor("vit_nano")
    return library


@pytest.fixture
def adapter_factory() -> Callable[..., FakeAdapter]:
    return make_adapter


@pytest.fixture
def prompt_error() -> PromptError:
    return PromptError("the point (1, 2) is wrong; draw another")


@pytest.fixture
def viewer(qapp: Any) -> ViewerModel:
    """Make a viewer without its window, which takes seconds."""
    return ViewerModel()


@pytest.fixture
def widget(viewer: ViewerModel, library: FakeLibrary) -> Iterator[CatsamWidget]:
    """Make a widget with the fake library."""
    widget = CatsamWidget(viewer, Session(library=library))
    yield widget
    widget.close()


@pytest.fixture
def settled_heap() -> None:
    """Let the garbage collector leave alone what is there before a window is made.

    napari collects several times around each window and keeps some thousand objects of each, so that
    to look through all of them would take a second each time.
    """
    gc.collect()
    gc.freeze()


@pytest.fixture
def window(settled_heap: None, make_napari_viewer: Callable[..., Viewer]) -> Viewer:
    """Make a viewer with its window and canvas."""
    return make_napari_viewer()


@pytest.fixture
def docked(window: Viewer, library: FakeLibrary) -> Iterator[CatsamWidget]:
    """Dock a widget with the fake library in a window."""
    widget = CatsamWidget(window, Session(library=library))
    window.window.add_dock_widget(widget, name="CAT-SAM")
    yield widget
    widget.shut_down()


@pytest.fixture
def wait_idle(qtbot: Any) -> Callable[[Any], None]:
    """Wait until a widget's queue has nothing to do."""

    def wait(widget: Any) -> None:
        if widget.queue.busy:
            with qtbot.waitSignal(widget.queue.busy_changed, timeout=WAIT):
                pass

    return wait


@pytest.fixture(autouse=True)
def _no_thread_is_left() -> Iterator[None]:
    yield
    from qtpy.QtCore import QThreadPool

    assert QThreadPool.globalInstance().waitForDone(WAIT)


@pytest.fixture(autouse=True)
def projects(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Keep the work of a test away from that of the user."""
    folder = tmp_path_factory.mktemp("projects")
    monkeypatch.setenv("NAPARI_CATSAM_PROJECTS", str(folder))
    return folder
