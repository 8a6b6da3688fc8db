"""Whether an adapter helps: a gain on held-out objects against the noise of that gain."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import stdtrit

from napari_catsam.adaptation.weights import count_effective

__all__ = ["GAIN_OF_ENDS", "GAIN_OF_FEW", "PAIR", "Verdict", "judge"]

CONFIDENCE = 0.9
"""One-sided: so sure must it be that the mean gain of further objects is above zero."""

LEAST_GAIN = 0.005
"""A smaller mean gain is none, however steady."""

RISE = 0.01
"""More than two objects that each rise so much are proof."""

FEW = 1.5
"""So few objects say nothing about their own noise: one alone, or one with specks beside it."""

PAIR = 2.0
"""Two objects may rise alike by chance."""

GAIN_OF_FEW = 0.03
"""What the mean gain must be at least, of few objects and of a pair."""

GAIN_OF_ENDS = 0.05
"""The same where ends of objects are held out: the rest of each was learnt from, so that they rise sooner."""


@dataclass(frozen=True)
class Verdict:
    """What the scores say.

    Attributes
    ----------
    helps : bool
        Whether the adapter should be used instead of the base model.
    gain, margin : float
        Weighted mean gain of object IoU, and what it had to exceed; infinity if no gain would have counted.
    words : str
        The same for the user; it begins with "not better" exactly if it does not help.
    """

    helps: bool
    gain: float
    margin: float
    words: str


def judge(
    before: npt.NDArray[np.float64],
    after: npt.NDArray[np.float64],
    weights: npt.NDArray[np.float64],
    *,
    held_out: bool,
    gain_of_few: float = GAIN_OF_FEW,
) -> Verdict:
    """Compare two models on the same objects, from the same prompts.

    The differences of the pairs are taken, so that easy and hard objects do not count as noise. Their
    weighted mean must exceed ``k`` standard errors, where ``k`` is Student's quantile for as many objects
    as the weights come to: 3.1 for two, 1.6 for four, 1.3 for many.

    One object that rises far more than the others makes the standard error large, as if its rise were
    doubt. If each of more than two objects rises by :data:`RISE`, that is enough: of three it
    happens by chance in one case of eight at most, of four in one of sixteen. In simulations of gains that
    are noise, normal or with longer tails, an adapter passes in at most 12 of 100 cases.

    A gain on the very masks that were learnt from says nothing, however large: one sonar object alone rose
    from 0.41 to 0.67 while other images of its set fell. The base model stays then, and the user may
    look at both.

    Parameters
    ----------
    before, after : ndarray, (N,), float
        Object IoU by the base model and by the adapter, in the same order.
    weights : ndarray, (N,), float
        How much each object counts (:mod:`napari_catsam.adaptation.weights`); with sum 1.
    held_out : bool
        Whether the objects were not trained on.
    gain_of_few : float
        What the mean gain must be at least if the objects come to two or less: :data:`GAIN_OF_FEW`, or
        :data:`GAIN_OF_ENDS`.
    """
    difference = np.asarray(after, float) - np.asarray(before, float)
    gain, count = float(difference @ weights), len(difference)
    effective = count_effective(weights)
    if not held_out:
        margin = math.inf
        why = "on the masks that were learnt from; none could be held out, so draw another object"
    elif effective <= FEW:
        margin, why = (
            gain_of_few,
            f"{_explain_few(count)}, so a gain counts from {gain_of_few:.2f} on",
        )
    else:
        least = gain_of_few if effective <= PAIR else LEAST_GAIN
        margin, all_rise = max(least, _compute_noise(difference, gain, weights)), ""
        if effective > PAIR and difference.min() >= RISE:
            margin, all_rise = min(margin, LEAST_GAIN), ", which all rose,"
        why = f"on {count} objects{all_rise} a gain counts from {margin:.3f} on"
    helps = gain > margin
    start = "better than" if helps else "not better than"
    return Verdict(helps, gain, margin, f"{start} the base model: IoU {gain:+.3f}, {why}")


def _compute_noise(
    difference: npt.NDArray[np.float64], gain: float, weights: npt.NDArray[np.float64]
) -> float:
    """Compute which mean gain noise would hardly reach."""
    effective = count_effective(weights)
    # With equal weights this is the usual error of a mean, s / sqrt(N).
    spread = float(np.square(weights * (difference - gain)).sum())
    error = (spread * effective / (effective - 1)) ** 0.5
    # Below one degree of freedom the quantile has no sensible size any more.
    quantile = float(stdtrit(max(1.0, effective - 1), CONFIDENCE))
    return float(quantile * error)


def _explain_few(count: int) -> str:
    specks = ", all but one of them specks beside it,"
    objects = "1 object" if count == 1 else f"{count} objects{specks}"
    return f"{objects} cannot show the noise of a score"
