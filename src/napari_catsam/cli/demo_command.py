"""``napari-catsam demo``: see it work, in a window or without one."""

from __future__ import annotations

import os
import shutil
import sys
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from napari_catsam.cli.arguments import ModelOption
from napari_catsam.errors import CatsamError

__all__ = ["demo"]

DISPLAYS = ("DISPLAY", "WAYLAND_DISPLAY")
BINDINGS = ("PyQt6", "PySide6", "PyQt5")


def demo(
    out: Annotated[
        Path | None,
        typer.Option("--out", metavar="DIR", help="Write screenshots and scores here."),
    ] = None,
    headless: Annotated[
        bool,
        typer.Option("--headless", help="Close the viewer at the end; works without a display."),
    ] = False,
    model: ModelOption = "vit_nano",
    budget: Annotated[float, typer.Option("--budget", min=1, help="Seconds of training.")] = 40.0,
) -> None:
    """Segment coins from boxes, adapt to one corrected mask, and compare, in napari.

    Without a display it runs under Xvfb.
    """
    if not any(find_spec(name) for name in BINDINGS):
        raise CatsamError("napari has no Qt to draw with; run: pip install 'napari-catsam[pyqt6]'")
    if sys.platform == "linux" and not any(os.environ.get(name) for name in DISPLAYS):
        _run_under_xvfb(out, model, budget)
    console = Console()
    if headless and out is None:
        out = Path("demo")
    # By name: the command line stands below the plugin, and loads napari for this command alone.
    module: Any = import_module("napari_catsam.plugin.demo.run")
    module.run_demo(
        out,
        model=model,
        budget=budget,
        keep_open=not headless,
        say=lambda text: console.print(text, highlight=False),
        show=lambda result: _print_result(console, result, out),
    )


def _run_under_xvfb(out: Path | None, model: str, budget: float) -> None:
    """Become the same command on a virtual display."""
    program = shutil.which("xvfb-run")
    if program is None:
        raise CatsamError(
            "there is no display, and no xvfb-run to make one; install xvfb "
            "(Debian: apt install xvfb) or run this where there is a display"
        )
    command = [program, "-a", "-s", "-screen 0 1600x1200x24", sys.executable, "-m", "napari_catsam"]
    command += ["demo", "--headless", "--out", str(out or "demo")]
    command += ["--model", model, "--budget", str(budget)]
    os.environ.pop("QT_QPA_PLATFORM", None)  # "offscreen" has no OpenGL, which the canvas needs
    sys.stdout.flush()
    os.execv(program, command)


def _print_result(console: Console, result: Any, out: Path | None) -> None:
    table = Table(title=f"IoU with the reference, {result.model}", title_justify="left")
    for name in ("coin", "before", "after", ""):
        table.add_column(name, justify="left" if not name else "right")
    for score in result.scores:
        note = "trained on" if score.trained_on else ""
        table.add_row(str(score.coin), f"{score.before:.3f}", f"{score.after:.3f}", note)
    before, after = result.mean("before"), result.mean("after")
    table.add_section()
    table.add_row("mean", f"{before:.3f}", f"{after:.3f}", "of the coins not trained on")
    console.print(table)
    console.print(_say_verdict(result, before, after), highlight=False)
    if out is not None:
        console.print(f"Written to {out}: {', '.join(result.files)}", highlight=False)


def _say_verdict(result: Any, before: float, after: float) -> str:
    verdict = "better" if after > before else "not better"
    return (
        f"{result.steps} steps on one mask in {result.seconds:.0f} s: {verdict} on the other coins. "
        "The reference is a threshold and a watershed, not drawn by hand."
    )
