"""Long work on the command line: a generator of progress becomes a bar and a result."""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import TYPE_CHECKING, TypeVar

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from napari_catsam.cli.interrupt import finish_on_interrupt

if TYPE_CHECKING:
    from napari_catsam import types

__all__ = ["run_with_bar"]

Result = TypeVar("Result")


def run_with_bar(
    work: Generator[types.Progress, bool | None, Result],
    title: str,
    describe: Callable[[types.Progress], str],
) -> Result:
    """Run long work to its end and return its result; Ctrl+C asks it to finish with what it has.

    The bar goes when the work ends, so that an error is one line.

    Parameters
    ----------
    work : generator
        Yields progress; ``True`` sent to it means finish now.
    title : str
        What to show before the first step.
    describe : callable
        What to show beside the bar, from each progress.
    """
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    console = Console(stderr=True)
    quiet = not console.is_terminal  # a log would keep an empty line of it
    with (
        Progress(*columns, console=console, transient=True, disable=quiet) as bar,
        finish_on_interrupt() as asked,
    ):
        task = bar.add_task(title, total=None)
        stop: bool | None = None
        while True:
            try:
                done = work.send(stop)
            except StopIteration as end:
                result: Result = end.value
                return result
            bar.update(task, description=describe(done), completed=done.step, total=done.total)
            # A generator that has only been started takes no value, hence None until then.
            stop = True if asked.is_set() else None
