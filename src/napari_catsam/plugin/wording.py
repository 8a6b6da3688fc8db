"""What the widget says, in one line each."""

from __future__ import annotations

import math
from typing import Any

from napari_catsam.plugin.layers import Written
from napari_catsam.plugin.prompts import PromptSet
from napari_catsam.types import Progress

__all__ = [
    "count_of",
    "describe_live",
    "describe_progress",
    "describe_prompts",
    "describe_scores",
    "describe_written",
]


def count_of(count: int, noun: str) -> str:
    """Return "1 box", "2 objects"."""
    plural = noun + ("es" if noun.endswith("x") else "s")
    return f"{count} {noun if count == 1 else plural}"


def describe_prompts(prompts: PromptSet) -> str:
    """Count the prompts in words."""
    counts = ((len(prompts.boxes) + len(prompts.outlines), "box"), (len(prompts.points), "point"))
    return " and ".join(count_of(count, noun) for count, noun in counts if count)


def describe_live(session: Any) -> str:
    """Say what to do next with the object that is being annotated.

    Parameters
    ----------
    session : Session
        While the user annotates.
    """
    live, negative = session.live, "" if session.clicks_positive else " · clicks are negative (Q)"
    if live is None:
        return f"click an object, or drag a box around it{negative}"
    reading = live.reading
    if reading is None or not live.answered:
        return f"{count_of(len(live.prompts), 'prompt')}{negative}"
    several = f" · mask {live.chosen + 1} of {len(live.readings)} (H)" if live.readings[1:] else ""
    score = f"expected IoU {reading.mask.score:.2f}"
    return f"Y accepts, clicks refine · {score}{several}{negative}"


def describe_progress(progress: Progress) -> str:
    """Say how far an adaptation is."""
    parts = [f"step {progress.step} of about {progress.total}"]
    if math.isfinite(progress.loss):
        parts.append(f"loss {progress.loss:.3f}")
    if math.isfinite(progress.iou_before):
        now = f" → {progress.iou_now:.3f}" if math.isfinite(progress.iou_now) else ""
        parts.append(f"IoU {progress.iou_before:.3f}{now}")
    return " · ".join(parts)


def describe_written(
    written: Written, where: str, left_out: int, model: str, seconds: float
) -> str:
    """Say what became of a segmentation.

    Parameters
    ----------
    written : Written
        What is in the layer now.
    where : str
        Name of the layer.
    left_out : int
        Prompts that could not be used.
    model : str
        What segmented.
    seconds : float
        From the request to now.
    """
    parts = [f"{count_of(len(written.ids), 'object')} in {where} · {model} · {seconds:.1f} s"]
    if written.covered:
        parts.append(f"{written.covered} left out: they lie on objects that are there already")
    if written.empty:
        parts.append(f"{written.empty} came out empty")
    if left_out:
        parts.append(f"{count_of(left_out, 'prompt')} outside of the image")
    return "; ".join(parts)


def describe_scores(header: Any) -> str:
    """Say what an adapter scored, and on a second line what it was scored on.

    Parameters
    ----------
    header : AdapterHeader
        Of the adapter.
    """
    before, after = header.score_before, header.score_after
    if before is None or after is None:
        return f"{header.method} · no score"
    verdict = "better" if after > before else "not better"
    notes = [part for part in header.note.split("; ") if part and "not better" not in part]
    return "\n".join(
        [f"{header.method} · IoU {before:.3f} → {after:.3f} · {verdict}", "; ".join(notes)]
    ).strip()
