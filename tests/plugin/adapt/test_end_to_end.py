"""Three masks on the coins, a short training with the model that comes with the package, A/B, back."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from scipy.ndimage import binary_fill_holes
from skimage.data import coins
from skimage.measure import label, regionprops

from napari_catsam.plugin.catsam_widget import CatsamWidget
from napari_catsam.plugin.device.library import Library
from napari_catsam.plugin.live.prompt import LivePrompt
from napari_catsam.plugin.session import Session, Variant

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
        return fit(model, shots, wanted)


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
    bench.commands.live.give(LivePrompt(tuple(map(float, largest[0].centroid))))
    settle(qtbot, bench)
    seen = {session.live.model: session.live.reading.logits}
    view.compare_button.click()
    settle(qtbot, bench)
    assert session.live.answered
    seen[session.live.model] = session.live.reading.logits
    assert set(seen) == {"v1", "base"}
    assert not np.array_equal(seen["v1"], seen["base"])

    session.use_version(version)
    view.versions.list.setCurrentRow(0)
    assert session.variant is Variant.BASE
    assert session.model.adapter is None
    settle(qtbot, bench)
