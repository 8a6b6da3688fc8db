"""Three masks on the coins, a short training with the model that comes with the package, A/B, back."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from qtpy.QtCore import Qt
from qtpy.QtTest import QTest
from scipy.ndimage import binary_fill_holes
from skimage.data import coins
from skimage.measure import label, regionprops

from napari_catsam.plugin.adapt import training
from napari_catsam.plugin.adapt.preview_layer import NAME
from napari_catsam.plugin.catsam_widget import CatsamWidget
from napari_catsam.plugin.device.library import Library
from napari_catsam.plugin.dock.folding import reveal
from napari_catsam.plugin.live.prompt import LivePrompt
from napari_catsam.plugin.samples import open_coins
from napari_catsam.plugin.session import Session, Variant
from tests.plugin.live.test_commands import Stage

LONG = 120_000
"""Milliseconds; loading torch and the weights is part of it."""

STEPS = 3


class ShortLibrary(Library):
    """The real one, which trains so many steps in place of a time."""

    def fit(self, model: Any, shots: Any, **config: Any) -> Any:
        from napari_catsam.adaptation.config import TrainConfig
        from napari_catsam.adaptation.train import fit

        wanted = TrainConfig(
            method=config["method"], steps=STEPS, intensity=config["intensity"], objects_per_step=1
        )
        return fit(model, shots, wanted, preview=config["preview"])


def kept_its_start(version: Any) -> bool:
    """Tell whether no score of the run was above that of its start, which is exactly the base model."""
    header = version.adapter.header
    return bool(header.score_after == header.score_before)


@pytest.fixture
def bench(viewer: Any) -> Iterator[CatsamWidget]:
    widget = CatsamWidget(viewer, Session(library=ShortLibrary(), device="cpu"))
    yield widget
    widget.close()


def settle(qtbot: Any, widget: Any) -> None:
    if widget.queue.busy:
        with qtbot.waitSignal(widget.queue.busy_changed, timeout=LONG):
            pass


@pytest.mark.timeout(200)
def test_three_masks_are_learnt_from_compared_and_gone_back_from(
    qtbot: Any, viewer: Any, bench: Any
) -> None:
    picture = coins()
    found = regionprops(label(binary_fill_holes(picture > 130)))
    largest = sorted(found, key=lambda region: -region.area)[:3]
    masks = np.zeros(picture.shape, int)
    for number, region in enumerate(largest, 1):
        masks[tuple(region.coords.T)] = number
    viewer.add_image(picture, name="coins")
    labels = viewer.add_labels(masks, name="masks")
    view, session = bench.adapt_view, bench.session
    qtbot.waitUntil(lambda: view.shots.text.text().startswith("3 masks, a part of"), timeout=LONG)

    view.adapt_button.click()
    settle(qtbot, bench)
    assert [step for step, _ in bench._adapt.curves.losses] == [1, 2, 3]
    assert 0.3 < bench._adapt.curves.before <= 1
    assert view.scores.table.rowCount() == 3
    assert "better than the base model" in view.scores.verdict.text()
    (version,) = session.versions
    assert sum(shot.objects for shot in version.adapter.header.shots) == 3

    session.use_version(version)
    bench.commands.live.start(viewer.layers["coins"], labels)
    # Not a click: of those the base drops parts that were not clicked, which an adapter does not.
    bench.commands.live.give(LivePrompt(tuple(map(float, largest[0].bbox))))
    settle(qtbot, bench)
    seen = {session.live.model: session.live.reading.logits}
    view.compare_button.click()
    settle(qtbot, bench)
    assert session.live.answered
    seen[session.live.model] = session.live.reading.logits
    assert set(seen) == {"v1", "base"}
    assert np.array_equal(seen["v1"], seen["base"]) == kept_its_start(version)

    session.use_version(version)
    view.versions.list.setCurrentRow(0)
    assert session.variant is Variant.BASE
    assert session.model.adapter is None
    settle(qtbot, bench)


SECONDS = 15

LEFT = Qt.MouseButton.LeftButton


class Hands(Stage):
    """Hands that wait for the real model."""

    def settle(self) -> None:
        settle(self.qtbot, self)


@pytest.fixture
def stage(window: Any, qtbot: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hands]:
    """Open the sample in a window, with the dock and the real library."""
    for name in ("show_info", "show_warning"):
        monkeypatch.setattr(training, name, lambda text: None)
    window.window._qt_window.resize(1100, 800)
    window.show()
    qtbot.waitExposed(window.window._qt_window)
    (data, options, _), *_ = open_coins()
    image = window.add_image(data, **options)
    widget = CatsamWidget(window, Session(library=Library(), device="cpu"))
    window.window.add_dock_widget(widget, name="CAT-SAM")
    window.reset_view()
    made = Hands(window, image, widget.session, widget.queue, widget.commands.live, qtbot, None)
    made.widget = widget
    yield made
    widget.shut_down()


def press_button(button: Any) -> None:
    QTest.mouseClick(button, LEFT)


def choose_row(rows: Any, number: int) -> None:
    QTest.mouseClick(rows.viewport(), LEFT, pos=rows.visualItemRect(rows.item(number)).center())


@pytest.mark.timeout(400)
def test_the_hands_of_a_user_draw_three_masks_adapt_compare_and_revert(
    qtbot: Any, stage: Hands
) -> None:
    widget, session, window = stage.widget, stage.session, stage.window
    view = widget.adapt_view
    coins = regionprops(label(binary_fill_holes(stage.image.data > 130)))
    largest = sorted(coins, key=lambda region: -region.area)[:4]

    # Three masks, each by a box on the canvas and the key that accepts it.
    press_button(widget.live_view.annotate)
    for region in largest[:3]:
        r0, c0, r1, c1 = region.bbox
        stage.drag((r0 - 2, c0 - 2), (r1 + 1, c1 + 1))
        settle(qtbot, widget)
        stage.press(Qt.Key.Key_Y)
    masks = window.layers[f"{stage.image.name} masks"]
    assert sorted(np.unique(masks.data)) == [0, 1, 2, 3]
    accepted = masks.data.copy()

    # Fifteen seconds of training, with a prompt, the curves and a preview meanwhile.
    view.time.preset.setCurrentIndex(view.time.preset.count() - 1)
    view.time.preset.activated.emit(view.time.preset.count() - 1)
    view.budget.setValue(SECONDS)
    assert session.budget == SECONDS
    qtbot.waitUntil(lambda: view.shots.text.text().startswith("3 masks"), timeout=LONG)
    answers: list[tuple[bool, str]] = []
    session.events.live.connect(
        lambda live: live and live.answered and answers.append((session.adapting, live.model))
    )
    previews: list[tuple[bool, str, bool]] = []
    widget.commands.training.previewed.connect(
        lambda _: previews.append(
            (NAME in window.layers, view.preview.text(), not view.curves.isHidden())
        )
    )
    view.adapt_button.click()
    r0, c0, r1, c1 = largest[3].bbox
    stage.live.give(LivePrompt((r0 - 2.0, c0 - 2.0, r1 + 1.0, c1 + 1.0)))
    qtbot.waitUntil(lambda: bool(answers), timeout=LONG)
    assert answers[0] == (True, "base")
    settle(qtbot, widget)
    there, said, curves_shown = previews[0]
    assert there
    assert "1 mask by the model in training, step 1" in said
    assert curves_shown
    assert NAME not in window.layers
    np.testing.assert_array_equal(masks.data, accepted)
    (version,) = session.versions
    assert len(widget._adapt.curves.losses) == version.adapter.header.steps > 0
    assert view.curves.score.text.startswith("held-out IoU")
    assert view.scores.table.rowCount() == 3

    # Compare by the key on the canvas, and go back to the base model by the list.
    session.use_version(version)
    settle(qtbot, widget)
    seen = {session.live.model: session.live.reading.logits}
    stage.press(Qt.Key.Key_J)
    settle(qtbot, widget)
    seen[session.live.model] = session.live.reading.logits
    assert set(seen) == {"v1", "base"}
    assert np.array_equal(seen["v1"], seen["base"]) == kept_its_start(version)
    rows = view.versions.list
    reveal(rows)
    qtbot.waitUntil(rows.isVisible, timeout=LONG)
    choose_row(rows, 1)
    assert session.model.adapter is version.adapter
    choose_row(rows, 0)
    assert session.model.adapter is None
    settle(qtbot, widget)
    assert session.live.model == "base"
    stage.press(Qt.Key.Key_Y)
    assert sorted(np.unique(masks.data)) == [0, 1, 2, 3, 4]
