"""The program: its commands, and how each of its errors becomes one sentence."""

from __future__ import annotations

from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from napari_catsam._version import __version__
from napari_catsam.cli.adapt_command import adapt
from napari_catsam.cli.adapter_command import adapter_app
from napari_catsam.cli.arguments import SpreadCommand
from napari_catsam.cli.data_command import data_app
from napari_catsam.cli.demo_command import demo
from napari_catsam.cli.evaluate_command import evaluate
from napari_catsam.cli.models_command import models_app
from napari_catsam.cli.predict_command import predict
from napari_catsam.cli.table_command import tabulate
from napari_catsam.cli.test_command import measure
from napari_catsam.cli.train_command import train
from napari_catsam.errors import CatsamError

__all__ = ["app"]

BAD_INPUT = 2
INTERRUPTED = 130


class SentenceGroup(TyperGroup):
    """Says errors that are the user's to mend in one sentence, without a traceback."""

    def invoke(self, ctx: Any) -> Any:
        """Run a command; bad input exits with 2."""
        try:
            return super().invoke(ctx)
        except BrokenPipeError:  # "| head" has read enough; typer knows what to do
            raise
        except CatsamError as error:
            _fail(str(error), BAD_INPUT)
        except OSError as error:
            reason = error.strerror or str(error)
            _fail(f"{error.filename}: {reason}" if error.filename else reason, BAD_INPUT)
        except KeyboardInterrupt:
            _fail("interrupted, nothing was written", INTERRUPTED)


def _fail(message: str, code: int) -> None:
    typer.echo(f"napari-catsam: {' '.join(message.split())}", err=True)
    raise typer.Exit(code)


app = typer.Typer(
    cls=SentenceGroup,
    help="Adapt Segment Anything to your images from a few masks (CAT-SAM). "
    "Coordinates are rows and columns in pixels, from 0.",
    context_settings={"help_option_names": ["-h", "--help"]},
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"napari-catsam {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool,
        typer.Option(
            "--version", help="Print the version.", callback=_print_version, is_eager=True
        ),
    ] = False,
) -> None:
    """Take the options that belong to no command."""


app.command(cls=SpreadCommand)(predict)
app.command(cls=SpreadCommand)(adapt)
app.command()(evaluate)
app.command()(train)
app.command(name="test")(measure)
app.command(name="table")(tabulate)
app.add_typer(data_app, name="data")
app.add_typer(models_app, name="models")
app.add_typer(adapter_app, name="adapter")
app.command()(demo)
