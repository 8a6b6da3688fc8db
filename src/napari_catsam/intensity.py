"""Image planes as they come, and how their values become the 0..255 that the model sees."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from napari_catsam.errors import CatsamError, ImageError

__all__ = ["Intensity", "as_array", "check_image"]

FloatArray = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Intensity:
    """How pixel values become the 0..255 that the model sees; the same for training and prediction.

    Parameters
    ----------
    mode : {"auto", "as-is", "limits", "percentiles"}
        ``auto`` takes 8-bit images as they are and maps others by their 0.5 and 99.5 percentiles;
        ``as-is`` takes values as 0..255; ``limits`` maps ``low`` to 0 and ``high`` to 255, clipped,
        and may be inverted (``low > high``); ``percentiles`` does so with percentiles of the image.
    low, high : float
        Limits in pixel values, or percentiles in 0..100.

    Raises
    ------
    ImageError
        If the limits are equal or not finite, or percentiles are outside 0..100.
    """

    mode: Literal["auto", "as-is", "limits", "percentiles"] = "auto"
    low: float = 0.0
    high: float = 255.0

    def __post_init__(self) -> None:
        if self.mode not in ("auto", "as-is", "limits", "percentiles"):
            raise ImageError(
                f"intensity mode {self.mode!r} is unknown; use auto, as-is, limits or percentiles"
            )
        if not (np.isfinite(self.low) and np.isfinite(self.high)) or self.low == self.high:
            raise ImageError(
                f"intensity limits {self.low} and {self.high} must be finite and different"
            )
        if self.mode == "percentiles" and not (0 <= self.low <= 100 and 0 <= self.high <= 100):
            raise ImageError(f"percentiles {self.low} and {self.high} must be between 0 and 100")

    def apply(self, image: npt.ArrayLike) -> FloatArray:
        """Map an image to RGB.

        Parameters
        ----------
        image : array_like, (H, W) or (H, W, C)
            Any real dtype; C is 1, 2, 3 or 4 (of two channels the third is empty, a fourth is
            dropped as alpha).

        Returns
        -------
        ndarray, (H, W, 3), float32, in 0..255

        Raises
        ------
        ImageError
            If the image is empty, not finite or of another shape or type.
        """
        channels = _drop_alpha(check_image(image))
        low, high = self._limits(channels)
        # Clipped before it is scaled, so that "no data" of -1e308 cannot overflow.
        values = np.clip(channels, min(low, high), max(low, high), dtype=_float_type(channels))
        if low == high:
            values = np.zeros_like(values)
        elif (low, high) != (0.0, 255.0):
            values = (values - low) / (high - low) * 255
        # Channels are repeated or added last: an empty one stays 0 whatever the limits are.
        return _to_rgb(np.clip(values, 0, 255).astype(np.float32))

    def _limits(self, channels: npt.NDArray[Any]) -> tuple[float, float]:
        if self.mode == "limits":
            return self.low, self.high
        if self.mode == "as-is" or (self.mode == "auto" and channels.dtype == np.uint8):
            return 0.0, 255.0
        ends = (self.low, self.high) if self.mode == "percentiles" else (0.5, 99.5)
        low, high = (float(v) for v in np.percentile(channels, ends))
        if low == high:  # a flat image, or objects rarer than the percentile
            low, high = float(channels.min()), float(channels.max())
        return low, high


def check_image(image: npt.ArrayLike) -> npt.NDArray[Any]:
    """Return ``image`` as an array that can be segmented.

    Raises
    ------
    ImageError
        If it is empty, not (H, W) or (H, W, 1..4), complex, not numeric, or holds NaN or infinity.
    """
    array = as_array(image, ImageError, "the image")
    if array.dtype.kind not in "buif":
        raise ImageError(f"the image has dtype {array.dtype}; give real numbers")
    if array.size == 0:
        raise ImageError(f"the image is empty (shape {array.shape}); give at least one pixel")
    if array.ndim not in (2, 3) or (array.ndim == 3 and array.shape[2] > 4):
        raise ImageError(
            f"the image has shape {array.shape}; give one plane, (rows, columns) or "
            "(rows, columns, 1 to 4 channels)"
        )
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        raise ImageError("the image holds NaN or infinite values; replace them first")
    return array


def _drop_alpha(image: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Return (H, W, 1 to 3), a bool image as 0 and 255."""
    if image.dtype == np.bool_:
        image = image.astype(np.uint8) * np.uint8(255)
    return image[..., None] if image.ndim == 2 else image[..., :3]


def _float_type(image: npt.NDArray[Any]) -> npt.DTypeLike:
    """Return the float type that holds the image's values, at least float32."""
    return np.result_type(image.dtype, np.float32)


def _to_rgb(channels: FloatArray) -> FloatArray:
    if channels.shape[2] == 1:
        return np.repeat(channels, 3, axis=2)
    if channels.shape[2] == 2:
        return np.concatenate([channels, np.zeros_like(channels[..., :1])], axis=2)
    return channels


def as_array(
    value: npt.ArrayLike, error: type[CatsamError], name: str, dtype: Any = None
) -> npt.NDArray[Any]:
    """Return an array; nested lists of unequal lengths, or other values, are an ``error``.

    Parameters
    ----------
    value : array_like
        What the user gave.
    error : type
        What to raise.
    name : str
        How the message calls it.
    dtype : dtype, optional
        To convert to.
    """
    try:
        return np.asarray(value, dtype=dtype)
    except (TypeError, ValueError) as reason:
        raise error(
            f"{name}: not a regular array of numbers; give numbers, in rows of equal length"
        ) from reason
