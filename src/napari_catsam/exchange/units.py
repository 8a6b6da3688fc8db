"""Names of units in the formats."""

from __future__ import annotations

__all__ = ["LENGTHS", "NO_UNIT", "TIMES", "full_name", "symbol"]

NO_UNIT = "pixel"
"""What an axis has that was not calibrated."""

LENGTHS = {
    "angstrom": "Å",
    "nanometer": "nm",
    "micrometer": "µm",
    "millimeter": "mm",
    "centimeter": "cm",
    "meter": "m",
    "kilometer": "km",
    "inch": "in",
    "foot": "ft",
}
"""Symbols of OME-XML by the name that OME-Zarr and pint have."""

TIMES = {
    "nanosecond": "ns",
    "microsecond": "µs",
    "millisecond": "ms",
    "second": "s",
    "minute": "min",
    "hour": "h",
    "day": "d",
}
"""As :data:`LENGTHS`."""

_SPELLINGS = {
    **{symbol: name for name, symbol in (LENGTHS | TIMES).items()},
    "um": "micrometer",
    "\u03bcm": "micrometer",  # the Greek letter, where the symbols above have the micro sign
    "micron": "micrometer",
    "microns": "micrometer",
    "us": "microsecond",
    "sec": "second",
    "pixels": NO_UNIT,
    "": NO_UNIT,
}


def full_name(spelling: str) -> str:
    r"""Return the name of a unit for one of its symbols; other words are given back.

    Parameters
    ----------
    spelling : str
        May hold characters as ImageJ escapes them, ``\u00B5m``.
    """
    word = spelling.strip().replace("\\u00B5", "µ")
    return _SPELLINGS.get(word, word)


def symbol(unit: str) -> str | None:
    """Return the symbol of a unit, or None for a word that is no unit of length or time."""
    return (LENGTHS | TIMES).get(full_name(unit))
