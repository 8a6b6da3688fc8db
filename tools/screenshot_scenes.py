"""The states of the widget of which the documentation has pictures; one function a state."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
from napari.settings import get_settings
from screenshot_adapting import show_adapting
from screenshot_stage import Place, Stage, let_pass, wait_until
from skimage.color import rgb2hed
from skimage.data import immunohistochemistry

from napari_catsam.geometry import boxes_from_masks
from napari_catsam.plugin.channels.choice import ChannelChoice
from napari_catsam.plugin.demo.coins import find_coins
from napari_catsam.plugin.device.library import Library
from napari_catsam.plugin.dock.folding import Fold
from napari_catsam.plugin.guide.layers import SLICE
from napari_catsam.plugin.layers.new_layers import add_shapes
from napari_catsam.plugin.live.prompt import LivePrompt, Tool
from napari_catsam.plugin.sample_stack import make_stack
from napari_catsam.plugin.samples import open_coins, open_stack
from napari_catsam.plugin.session import Session

__all__ = ["SCENES"]

LARGE_TEXT = 1.5
NARROW = 300

ACCEPTED = 9
"""Coins that are annotated before the picture is taken."""

Make = Callable[..., Stage]
Masks = npt.NDArray[np.bool_]


class SlowLibrary(Library):
    """Loads no model until it is let to."""

    def __init__(self) -> None:
        self.gate = threading.Event()

    def load_model(self, *names: str) -> Any:
        """Wait, and load."""
        self.gate.wait()
        return super().load_model(*names)


def show_empty(make: Make) -> None:
    """Nothing is open yet, and the guide is offered."""
    make().shoot("empty")


def show_loading(make: Make) -> None:
    """A box is drawn while the model is loaded."""
    library = SlowLibrary()
    stage = make(Session(library=library))
    stage.open(open_coins())
    stage.annotate()
    stage.widget.commands.live.give(LivePrompt(_box(_coins()[3])))
    let_pass(1500)
    stage.shoot("loading")
    library.gate.set()
    stage.settle()


def show_prompting(make: Make) -> None:
    """A box and two clicks are answered by a mask."""
    stage = make()
    stage.open(open_coins())
    coins = _coins()
    stage.annotate()
    stage.accept(*map(_box, coins[:4]))
    row, column = _middle(coins[4])
    r0, c0, _, _ = box = _box(coins[4])
    stage.give(
        LivePrompt(box), LivePrompt((row, column)), LivePrompt((r0 + 2.0, c0 + 2.0), positive=False)
    )
    stage.shoot("prompting")


def show_drawing(make: Make) -> None:
    """A polygon is drawn corner by corner, and a lasso by a drag."""
    stage = make()
    image = stage.open(open_coins())
    coins = _coins()
    stage.annotate()
    stage.accept(*map(_box, coins[:2]))
    camera = stage.viewer.scene.camera
    camera.center, camera.zoom = (115.0, 215.0), 3.0
    stage.widget.session.tool = Tool.POLYGON
    stage.click(image, _round(coins[2], turn=0.75, places=7))
    stage.shoot("polygon")
    stage.widget.commands.live.clear()
    stage.widget.session.tool = Tool.LASSO
    lasso = _round(coins[3], turn=0.8, places=40)
    stage.drag(image, lasso)
    stage.shoot("lasso")
    stage.let_go(image, lasso[-1])
    stage.settle()


def show_objects(make: Make) -> None:
    """Several objects of two classes, and the table of them."""
    stage = make()
    stage.open(open_stack())
    stage.viewer.dims.set_current_step(0, SLICE)
    stack = make_stack()
    truth = stack.truth[SLICE]
    stage.annotate()
    vessels = [number for number in stack.vessels if (truth == number).any()]
    for number in [*_largest(truth, 6), *vessels]:
        stage.widget.session.choose_class("vessel" if number in vessels else "cell")
        stage.accept(_box(truth == number))
    stage.widget.live_view.annotate.click()
    stage.show(stage.widget.objects.view)
    stage.widget.objects.view.show_selected(3)
    stage.shoot("objects")


def show_refining(make: Make) -> None:
    """An object that was accepted is mended by a click."""
    stage = make()
    stage.open(open_coins())
    coins = _coins()
    stage.annotate()
    stage.accept(*map(_box, coins[:ACCEPTED]))
    stage.viewer.layers["coins masks"].selected_label = 4  # selects its row
    stage.widget.objects.view.refine.click()
    r0, _, r1, c1 = _box(coins[3])
    stage.give(LivePrompt(((r0 + r1) / 2, c1 - 3.0)))
    stage.show(stage.widget.live_view)
    stage.shoot("refine")


def show_error(make: Make) -> None:
    """A click in the 3-D view is refused."""
    stage = make()
    stage.open(open_stack())
    stage.annotate()
    stage.viewer.dims.ndisplay = 3
    let_pass(1000)
    stage.widget.commands.live.give(LivePrompt((100.0, 100.0)))
    let_pass(1000)
    stage.dismiss()  # says the same, cut off
    stage.shoot("error")


def show_narrow(make: Make) -> None:
    """The dock is narrow and the text is large."""
    appearance = get_settings().appearance
    usual = appearance.font_size
    appearance.font_size = round(LARGE_TEXT * usual)
    try:
        stage = make()
        stage.set_width(NARROW)
        stage.open(open_coins())
        stage.annotate()
        stage.accept(*map(_box, _coins()[:5]))
        stage.give(LivePrompt(_box(_coins()[5])))
        stage.set_width(NARROW)
        views = (stage.widget.segment_view, stage.widget.objects.view, stage.widget.adapt_view)
        for fold in stage.widget.findChildren(Fold):
            fold.unfold()
        stage.shoot_docks("narrow", views)
    finally:
        appearance.font_size = usual


def show_light(make: Make) -> None:
    """The light theme."""
    stage = make()
    stage.viewer.theme = "light"
    stage.open(open_coins())
    stage.annotate()
    stage.accept(*map(_box, _coins()[:ACCEPTED]))
    stage.give(LivePrompt(_middle(_coins()[ACCEPTED])))
    stage.shoot("light")


def show_guide(make: Make) -> None:
    """The first minute: its first step, and the one in which the model is adapted."""
    stage = make()
    stage.widget.guide.view.start_button.click()
    let_pass(1000)
    stage.shoot("guide")
    truth = make_stack().truth[SLICE]
    (framed,) = _largest(truth, 1)
    lessons = stage.viewer.layers["masks to learn from"].data[SLICE]
    known = {0, framed, *np.unique(lessons).tolist()}
    areas = np.bincount(truth.ravel())
    others = [int(n) for n in np.argsort(-areas, kind="stable") if int(n) not in known]
    for number in (framed, *others[:2]):
        stage.accept(_box(truth == number))
    stage.shoot("guide_adapt")


def show_channels(make: Make) -> None:
    """Two layers become red and blue."""
    stage = make()
    stains = rgb2hed(immunohistochemistry())
    images = [
        stage.viewer.add_image(
            stains[..., n], name=name, colormap=colour, blending="additive",
            contrast_limits=tuple(np.percentile(stains[..., n], (1, 99.8))),
        )
        for n, name, colour in ((0, "hematoxylin", "blue"), (2, "DAB", "red"))
    ]  # fmt: skip
    stage.viewer.reset_view()
    stage.viewer.layers.selection.active = images[0]
    stage.widget.segment_view.image.show_value(images[0])
    stage.widget.session.channels = ChannelChoice((images[1].unique_id, None, images[0].unique_id))
    stage.widget.live_view.annotate.click()
    stage.give(LivePrompt((305.0, 250.0, 505.0, 385.0)))
    stage.shoot("channels")


def show_batch(make: Make) -> None:
    """Boxes in a Shapes layer, segmented together."""
    stage = make()
    image = stage.open(open_coins())
    shapes = add_shapes(stage.viewer, image)
    stage.annotate()
    stage.give(LivePrompt(_box(_coins()[0])))  # so that the time is not that of loading the model
    stage.widget.live_view.clear.click()
    stage.annotate()
    boxes = np.array([_box(coin) for coin in _coins()]) - 0.5
    shapes.add_rectangles(boxes.reshape(-1, 2, 2))
    stage.widget.segment()
    stage.settle()
    stage.show(stage.widget.segment_view.batch)
    stage.shoot("batch")


def show_restore(make: Make) -> None:
    """The work of an earlier time is offered."""
    stage = make()
    stage.open(open_coins())
    stage.annotate()
    stage.accept(*map(_box, _coins()[:6]))
    stage.give(LivePrompt(_box(_coins()[7])))
    stage.close()
    again = make()
    again.open(open_coins())
    wait_until(again.widget.restore_bar.isVisible)
    again.shoot("restore")


SCENES: dict[str, Callable[[Make], None]] = {
    function.__name__.removeprefix("show_"): function
    for function in (
        show_empty, show_loading, show_prompting, show_drawing, show_objects, show_refining,
        show_error, show_narrow, show_light, show_guide, show_channels, show_batch, show_restore,
        show_adapting,
    )
}  # fmt: skip
"""What can be asked for by name."""


def _coins() -> list[Masks]:
    (coins, _, _), *_ = open_coins()
    found = find_coins(coins)
    return [found == number for number in range(1, found.max() + 1)]


def _box(mask: Masks) -> tuple[float, float, float, float]:
    r0, c0, r1, c1 = map(float, boxes_from_masks(mask[None])[0])
    return r0, c0, r1, c1


def _middle(mask: Masks) -> Place:
    rows, columns = np.nonzero(mask)
    return float(rows.mean()), float(columns.mean())


def _round(mask: Masks, turn: float, places: int) -> list[Place]:
    """Return places around an object, a part of the way."""
    r0, c0, r1, c1 = _box(mask)
    angles = np.linspace(0, 2 * np.pi * turn, places)
    rows = (r0 + r1) / 2 + (r1 - r0) / 2 * np.sin(angles)
    columns = (c0 + c1) / 2 + (c1 - c0) / 2 * np.cos(angles)
    return [*zip(rows.tolist(), columns.tolist(), strict=True)]


def _largest(truth: npt.NDArray[np.int32], count: int) -> list[int]:
    """Return the largest objects of a slice that are not cut off by its edges."""
    edges = np.concatenate([truth[0], truth[-1], truth[:, 0], truth[:, -1]])
    areas = np.bincount(truth.ravel())
    areas[np.unique(np.append(edges, 0))] = 0
    return [int(n) for n in np.argsort(-areas, kind="stable")[:count] if areas[n]]
