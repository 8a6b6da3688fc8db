"""The pictures on the buttons: that they are there, and have the colour and size of the text."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from xml.etree import ElementTree

import pytest
from napari.settings import get_settings
from qtpy.QtCore import QSize
from qtpy.QtGui import QColor, QIcon, QImage
from qtpy.QtWidgets import QPushButton

from napari_catsam.plugin.dock.icons import ICON_FOLDER, IconButton, draw_icon

NAMES = sorted(path.stem for path in ICON_FOLDER.glob("*.svg"))
STATES = {"folded", "unfolded", "start", "pause", "stop", "suggest"}
"""Shown by buttons that have one of several."""


def colours(image: QImage) -> set[str]:
    """Return the colours of the pixels that are not transparent at all."""
    places = [(x, y) for x in range(image.width()) for y in range(image.height())]
    pixels = [image.pixelColor(*place) for place in places]
    return {pixel.name() for pixel in pixels if pixel.alpha() == 255}


@pytest.fixture
def _usual_text() -> Iterator[None]:
    usual = get_settings().appearance.font_size
    yield
    get_settings().appearance.font_size = usual


@pytest.mark.parametrize("name", NAMES)
def test_each_icon_is_drawn_in_one_colour_and_fits_its_square(qapp: Any, name: str) -> None:
    root = ElementTree.parse(ICON_FOLDER / f"{name}.svg").getroot()
    assert root.attrib["viewBox"] == "0 0 16 16"
    image = draw_icon(name, 64, 1, QColor("#12ab56")).toImage()
    assert colours(image) == {"#12ab56"}
    edge = [*range(64)]
    border = [(0, n) for n in edge] + [(63, n) for n in edge] + [(n, 0) for n in edge]
    assert not any(image.pixelColor(*place).alpha() for place in border)


def test_an_icon_has_the_pixels_of_the_screen(qapp: Any) -> None:
    picture = draw_icon("accept", 16, 1.5, QColor("black"))
    assert picture.size() == QSize(24, 24)
    assert picture.devicePixelRatio() == 1.5


def test_every_button_of_the_dock_has_an_icon_that_is_there(widget: Any) -> None:
    buttons = widget.findChildren(QPushButton)
    shown = [button.icon_name for button in buttons if isinstance(button, IconButton)]
    assert len(shown) == len(buttons) > 25
    assert set(shown) <= set(NAMES)
    assert set(NAMES) <= set(shown) | STATES


@pytest.mark.usefixtures("_usual_text")
def test_an_icon_follows_theme_and_font(window: Any, docked: Any, qtbot: Any) -> None:
    get_settings().appearance.font_size = 9
    window.window._qt_window.show()
    button = docked.live_view.annotate
    qtbot.waitUntil(button.isVisible)

    def draw() -> QImage:
        image: QImage = button.icon().pixmap(button.iconSize()).toImage()
        return image

    (light,) = colours(draw())
    side = button.iconSize().height()
    window.theme = "light"
    qtbot.waitUntil(lambda: colours(draw()) != {light})
    assert QColor(light).lightness() > 200 > 80 > QColor(*colours(draw())).lightness()
    get_settings().appearance.font_size = 14
    qtbot.waitUntil(lambda: button.iconSize().height() >= 1.4 * side)


def test_the_icon_of_a_button_that_cannot_be_pressed_is_fainter(
    window: Any, docked: Any, qtbot: Any
) -> None:
    button = docked.live_view.accept
    icon: QIcon = button.icon()
    strong, faint = (
        icon.pixmap(button.iconSize(), mode).toImage()
        for mode in (QIcon.Mode.Normal, QIcon.Mode.Disabled)
    )
    middle = [(x, y) for x in range(strong.width()) for y in range(strong.height())]

    def darkest(image: QImage) -> int:
        return max(image.pixelColor(*place).alpha() for place in middle)

    assert 0 < darkest(faint) < 0.6 * darkest(strong)


def test_another_icon_can_be_shown(qtbot: Any) -> None:
    button = IconButton("a text", "pause")
    qtbot.addWidget(button)
    before = button.icon().pixmap(16, 16).toImage()
    button.show_icon("start")
    assert button.icon().pixmap(16, 16).toImage() != before
    button.show_icon("")
    assert button.icon().isNull()
