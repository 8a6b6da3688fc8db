"""Pictures on buttons, in the colour that the theme has for their text. It knows Qt alone."""

from __future__ import annotations

from pathlib import Path

from qtpy.QtCore import QEvent, QRectF, QSize, Qt
from qtpy.QtGui import QColor, QIcon, QPainter, QPalette, QPixmap, QShowEvent
from qtpy.QtSvg import QSvgRenderer
from qtpy.QtWidgets import QPushButton

__all__ = ["ICON_FOLDER", "IconButton", "draw_icon"]

ICON_FOLDER = Path(__file__).parents[1] / "icons"
"""One SVG an icon, 16 x 16, of which only the shape counts."""

SHARE = 0.85
"""Of the height of a line of text, how high an icon is."""

GAP = 2
"""Pixels between icon and text, beside those of the style."""

OTHER_LOOK = (
    QEvent.Type.FontChange,
    QEvent.Type.StyleChange,
    QEvent.Type.PaletteChange,
    QEvent.Type.PolishRequest,
    # On another screen; Qt has it from 6.6 on.
    getattr(QEvent.Type, "DevicePixelRatioChange", QEvent.Type.PolishRequest),
)
"""After these an icon may have another size or colour."""


def draw_icon(name: str, side: int, ratio: float, colour: QColor, room: int = 0) -> QPixmap:
    """Draw an icon in one colour.

    Parameters
    ----------
    name : str
        Of a file in :data:`ICON_FOLDER`, without its end.
    side : int
        Of the square, in pixels that do not depend on the screen.
    ratio : float
        Pixels of the screen for each of them.
    colour : QColor
        Its opacity counts too.
    room : int
        Beside the square, on its right, in the unit of ``side``.

    Returns
    -------
    QPixmap
        ``side * ratio`` pixels high.
    """
    pixels = round(side * ratio)
    picture = QPixmap(round((side + room) * ratio), pixels)
    picture.fill(Qt.GlobalColor.transparent)
    painter = QPainter(picture)
    QSvgRenderer(str(ICON_FOLDER / f"{name}.svg")).render(painter, QRectF(0, 0, pixels, pixels))
    painter.setCompositionMode(QPainter.CompositionMode.CompositionMode_SourceIn)
    painter.fillRect(picture.rect(), colour)
    painter.end()
    picture.setDevicePixelRatio(ratio)
    return picture


class IconButton(QPushButton):
    """A push button whose icon has the colour and the height of its text.

    Parameters
    ----------
    text : str
        Beside the icon; may be empty.
    icon : str
        Name of the icon; empty for none.
    """

    def __init__(self, text: str = "", icon: str = "") -> None:
        super().__init__(text)
        self._name = ""
        self.show_icon(icon)

    @property
    def icon_name(self) -> str:
        """Which icon is shown; empty for none."""
        return self._name

    def show_icon(self, name: str) -> None:
        """Show another icon."""
        if name != self._name:
            self._name = name
            self._draw()

    def event(self, event: QEvent | None) -> bool:
        """Draw the icon anew for another theme, font or screen."""
        handled = super().event(event)
        if event is not None and event.type() in OTHER_LOOK:
            self._draw()
        return handled

    def showEvent(self, event: QShowEvent | None) -> None:
        """Draw the icon for the screen on which the button comes up."""
        super().showEvent(event)
        self._draw()

    def _draw(self) -> None:
        if not self._name:
            self.setIcon(QIcon())
            return
        side = round(SHARE * self.fontMetrics().height())
        ratio, palette = self.devicePixelRatioF(), self.palette()
        room = GAP if self.text() else 0
        icon, groups = QIcon(), QPalette.ColorGroup
        for mode, group in (
            (QIcon.Mode.Normal, groups.Active), (QIcon.Mode.Disabled, groups.Disabled),
        ):  # fmt: skip
            colour = palette.color(group, QPalette.ColorRole.ButtonText)
            icon.addPixmap(draw_icon(self._name, side, ratio, colour, room), mode)
        self.setIcon(icon)
        self.setIconSize(QSize(side + room, side))
