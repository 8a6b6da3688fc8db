"""What the widget says, in one line each."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from napari_catsam.plugin.layers.mask_writing import Refined, Written
from napari_catsam.plugin.layers.planes import Plane
from napari_catsam.plugin.layers.prompts import PromptSet
from napari_catsam.plugin.live.prompt import Tool
from napari_catsam.types import Progress

__all__ = [
    "Trouble",
    "count_of",
    "describe_accepted",
    "describe_bytes",
    "describe_doing",
    "describe_live",
    "describe_plane",
    "describe_progress",
    "describe_prompts",
    "describe_refined",
    "describe_scores",
    "describe_written",
    "with_unit",
]


NUMBERS = 5
"""So many objects are named in one line."""


class Trouble(str):
    """A note about something that went wrong, shown as such."""

    __slots__ = ()


DRAWING_HINTS = {
    Tool.BOX: "click an object, or drag a box around it",
    Tool.ELLIPSE: "click an object, or drag an ellipse around it",
    Tool.LASSO: "click an object, or draw around it",
    Tool.POLYGON: "click corners around an object; double click or Enter closes them",
}


def count_of(count: int, noun: str) -> str:
    """Return "1 box", "2 objects"."""
    plural = noun + ("es" if noun.endswith("x") else "s")
    return f"{count} {noun if count == 1 else plural}"


def with_unit(number: str, unit: str) -> str:
    """Return "85 MB" with a space at which no line is broken."""
    return f"{number}\N{NO-BREAK SPACE}{unit}"


def describe_prompts(prompts: PromptSet) -> str:
    """Count the prompts in words."""
    counts = (
        (len(prompts.boxes) + len(prompts.outlines), "box"),
        (len(prompts.points), "point"),
        (len(prompts.strokes), "scribble"),
    )
    return " and ".join(count_of(count, noun) for count, noun in counts if count)


def describe_plane(plane: Plane) -> str:
    """Name a plane by the axes' names and its place on them, as "z=12", or else by its layer."""
    steps = [(axis, step) for axis, step in plane.position if axis != plane.channel_axis]
    if not steps:
        return plane.name
    if plane.labels:
        return ", ".join(f"{plane.labels[axis]}={step}" for axis, step in steps)
    return f"{plane.name} [{', '.join(str(step) for _, step in steps)}]"


def describe_bytes(count: int) -> str:
    """Return "85 MB", "2.1 GB"."""
    if count >= 1e8:
        return with_unit(f"{count / 1e9:.1f}", "GB")
    return with_unit(f"{count / 1e6:.0f}", "MB")


def describe_doing(session: Any) -> str:
    """Say what runs, with which model, where it computes, and what it takes there.

    Parameters
    ----------
    session : Session
        Before the model is loaded, only what is chosen can be said.
    """
    model, usage = session.model, session.usage
    doing = session.activity or "ready"
    parts = [doing] if str(model) in doing else [doing, str(model)]
    if usage is None or usage.model != model.base_key:
        parts.append(session.device)
    else:
        parts += [usage.device, describe_bytes(usage.memory)]
    return " · ".join(parts)


def describe_live(session: Any) -> str:
    """Say what to do next with the object that is being annotated.

    Parameters
    ----------
    session : Session
        While the user annotates.
    """
    live, keys = session.live_shown, session.settings.keys
    sign = keys["flip_sign"]
    negative = "" if session.clicks_positive else f" · clicks are negative ({sign})"
    if live is None:
        return f"{DRAWING_HINTS[session.tool]}{negative}"
    reading = live.reading
    if live.picked is not None and not live.prompts:
        return f"object {live.picked.id}: click what is missing, Ctrl+click what is not{negative}"
    if reading is None or not live.answered:
        return f"{count_of(len(live.prompts), 'prompt')}{negative}"
    another = keys["show_next_reading"]
    several = f" · mask {live.chosen + 1} of {len(live.readings)} ({another})"
    if not live.readings[1:]:
        several = ""
    score = f"expected IoU {reading.mask.score:.2f}" + _name_model(reading.model)
    which = "" if live.picked is None else f" object {live.picked.id}"
    return f"{keys['accept']} accepts{which}, clicks refine · {score}{several}{negative}"


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
    took = with_unit(f"{seconds:.1f}", "s")
    parts = [f"{count_of(len(written.ids), 'object')} in {where} · {model} · {took}"]
    parts += _describe_losses(written.erased)
    if written.covered:
        parts.append(f"{written.covered} left out: they lie on objects that are there already")
    if written.empty:
        parts.append(f"{written.empty} came out empty")
    if left_out:
        parts.append(f"{count_of(left_out, 'prompt')} outside of the image")
    return "; ".join(parts)


def describe_accepted(written: Written, where: str, model: str = "") -> str:
    """Say under which number a mask of a model was written to the labels with a name, and over what."""
    score = f"expected IoU {written.scores[0]:.2f}" + _name_model(model)
    parts = [f"object {written.ids[0]} in {where} · {score}"]
    return "; ".join(parts + _describe_losses(written.erased))


def describe_refined(refined: Refined, where: str, model: str = "") -> str:
    """Say what an object in the labels with a name gained and lost by a model's mask."""
    change = f"{refined.added} pixels more, {refined.removed} fewer"
    parts = [f"object {refined.id} in {where} refined{_name_model(model)}: {change}"]
    return "; ".join(parts + _describe_losses(refined.erased))


def _name_model(model: str) -> str:
    return f" by {model}" if model else ""


def _describe_losses(erased: Sequence[int]) -> list[str]:
    if not erased:
        return []
    numbers = ", ".join(map(str, erased[:NUMBERS])) + (" …" if len(erased) > NUMBERS else "")
    verb = "has" if len(erased) == 1 else "have"
    return [f"object{'s' if erased[1:] else ''} {numbers} {verb} no pixel left on this plane"]


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
    helps = getattr(header, "helps", None)
    helps = after > before if helps is None else helps
    verdict = "better" if helps else "not better"
    parts = header.note.split("; ")
    notes = [part for part in parts if part and not part.startswith(("not better", "better than"))]
    return "\n".join(
        [f"{header.method} · IoU {before:.3f} → {after:.3f} · {verdict}", "; ".join(notes)]
    ).strip()
