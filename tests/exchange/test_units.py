"""Units by name and by symbol."""

from __future__ import annotations

import pytest

from napari_catsam.exchange.units import full_name, symbol


@pytest.mark.parametrize(
    "spelling", ["um", "µm", "\u03bcm", "\\u00B5m", "micron", "microns", " micrometer "]
)
def test_the_micrometer_has_many_spellings(spelling: str) -> None:
    assert full_name(spelling) == "micrometer"
    assert symbol(spelling) == "µm"


def test_no_unit_is_the_pixel() -> None:
    assert full_name("") == full_name("pixels") == "pixel"
    assert symbol("pixel") is None


def test_other_words_are_left_alone() -> None:
    assert full_name("parsec") == "parsec"
    assert symbol("parsec") is None
