"""Which methods can be chosen, and that each of them trains from the panel with the real library."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from napari_catsam.plugin.adapt import training
from napari_catsam.plugin.catsam_widget import CatsamWidget
from napari_catsam.plugin.device.library import METHODS, Library
from napari_catsam.plugin.live.prompt import LivePrompt
from napari_catsam.plugin.session import Session
from napari_catsam.types import Progress

LONG = 60_000


class ShortLibrary(Library):
    """The real one, which trains two steps in place of a time."""

    def fit(self, model: Any, shots: Any, **config: Any) -> Any:
        from napari_catsam.adaptation.config import TrainConfig
        from napari_catsam.adaptation.train import fit

        wanted = TrainConfig(
            method=config["method"], steps=2, intensity=config["intensity"], objects_per_step=1
        )
        return fit(model, shots, wanted, preview=config["preview"])


@pytest.fixture
def bench(viewer: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[CatsamWidget]:
    for name in ("show_info", "show_warning"):
        monkeypatch.setattr(training, name, lambda text: None)
    widget = CatsamWidget(viewer, Session(library=ShortLibrary(), device="cpu", backbone="tiny"))
    yield widget
    widget.close()


def choose(box: Any, text: str) -> None:
    index = box.findText(text)
    box.setCurrentIndex(index)
    box.activated.emit(index)


def offered(box: Any) -> list[str]:
    return [box.itemText(index) for index in range(box.count())]


def settle(qtbot: Any, widget: Any) -> None:
    if widget.queue.busy:
        with qtbot.waitSignal(widget.queue.busy_changed, timeout=LONG):
            pass


def test_three_methods_are_offered_at_first_and_the_others_under_advanced(bench: Any) -> None:
    view, session = bench.adapt_view, bench.session
    assert offered(view.method) == ["cat-a", "cat-t", "hq"]
    assert offered(view.recipe.method) == [
        "as above", "adaptformer", "lora", "vpt-deep", "vpt-shallow",
    ]  # fmt: skip
    assert view.recipe.method.currentText() == "as above"
    choose(view.recipe.method, "lora")
    assert session.method == "lora"
    assert (view.method.currentText(), view.recipe.method.currentText()) == ("lora", "lora")
    choose(view.method, "hq")
    assert session.method == "hq"
    assert offered(view.method) == ["cat-a", "cat-t", "hq"]
    assert view.recipe.method.currentText() == "as above"
    choose(view.recipe.method, "vpt-deep")
    choose(view.recipe.method, "as above")
    assert session.method == "cat-a"


@pytest.mark.parametrize("method", METHODS)
def test_every_method_trains_shows_a_preview_and_answers_a_prompt(
    qtbot: Any, viewer: Any, bench: Any, method: str
) -> None:
    rows, columns = np.indices((48, 64))
    masks = np.zeros((48, 64), int)
    for number, (row, column) in enumerate([(12, 14), (12, 48), (34, 30)], 1):
        masks[(rows - row) ** 2 + (columns - column) ** 2 < 64] = number
    viewer.add_image(((masks > 0) * 150 + 50).astype(np.uint8), name="discs")
    labels = viewer.add_labels(masks, name="masks")
    view, session = bench.adapt_view, bench.session
    choose(view.recipe.method if method in offered(view.recipe.method) else view.method, method)
    pictures: list[Progress] = []
    bench.commands.training.previewed.connect(pictures.append)
    view.adapt_button.click()
    settle(qtbot, bench)
    (version,) = session.versions
    assert version.adapter.header.method == method
    assert version.adapter.header.steps == 2
    assert pictures
    assert pictures[0].preview.count == 3
    session.use_version(version)
    bench.commands.live.start(viewer.layers["discs"], labels)
    bench.commands.live.give(LivePrompt((34.0, 30.0)))
    settle(qtbot, bench)
    assert session.live.model == "v1"
