"""Pages of tables, pictures and lists, as Markdown and as HTML that needs no other file."""

from __future__ import annotations

import base64
import html
from dataclasses import dataclass

from napari_catsam.evaluation.table.sheets import Cell, Sheet

__all__ = ["Listing", "Page", "Picture", "to_html", "to_markdown"]

STYLE = """
:root { color-scheme: light dark; --line: #c8ced6; --soft: #5c6670; --best: #0b6e4f; --ground: #f4f6f8; }
@media (prefers-color-scheme: dark) {
  :root { --line: #3b434c; --soft: #a0abb6; --best: #5fd3a6; --ground: #20262c; }
}
body { font: 15px/1.5 system-ui, sans-serif; max-width: 76rem; margin: 2rem auto; padding: 0 1rem; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { padding: .3rem .7rem; border-bottom: 1px solid var(--line); text-align: right;
  white-space: nowrap; }
th { background: var(--ground); }
.name { text-align: left; }
.others { color: var(--soft); font-style: italic; }
.best { color: var(--best); font-weight: 700; }
p.note, figcaption { color: var(--soft); font-size: .9rem; max-width: 60rem; margin: .3rem 0; }
figure { margin: 1rem 0; }
img { max-width: 100%; background: #fff; }
"""


@dataclass(frozen=True)
class Picture:
    """A PNG with a line below it.

    Attributes
    ----------
    file : str
        Its path beside the Markdown page.
    caption : str
    content : bytes
    """

    file: str
    caption: str
    content: bytes


@dataclass(frozen=True)
class Listing:
    """Lines under a heading, or the heading alone.

    Attributes
    ----------
    title : str
    lines : tuple of str
    """

    title: str
    lines: tuple[str, ...] = ()


@dataclass(frozen=True)
class Page:
    """What stands on one page, from top to bottom.

    Attributes
    ----------
    title : str
    parts : tuple of Sheet, Picture or Listing
    links : tuple of (title, name of the page without its suffix)
    """

    title: str
    parts: tuple[Sheet | Picture | Listing, ...]
    links: tuple[tuple[str, str], ...] = ()


def to_markdown(page: Page) -> str:
    """Write a page as Markdown, its pictures as files beside it."""
    blocks = [f"# {page.title}"]
    blocks += [f"[{title}]({name}.md)" for title, name in page.links]
    for part in page.parts:
        if isinstance(part, Sheet):
            blocks += [f"## {part.title}", _write_sheet(part), *map(_escape, part.notes)]
        elif isinstance(part, Picture):
            blocks.append(f"![{part.caption}]({part.file})\n\n{_escape(part.caption)}")
        else:
            lines = "\n".join(f"- {_escape(line)}" for line in part.lines)
            blocks += [f"## {part.title}", *filter(None, [lines])]
    return "\n\n".join(blocks) + "\n"


def _write_sheet(sheet: Sheet) -> str:
    rule = ["---" if cell.kind == "name" else "---:" for cell in sheet.header]
    rows = [sheet.header, *sheet.rows]
    lines = ["| " + " | ".join(_write_cell(cell) for cell in row) + " |" for row in rows]
    lines.insert(1, "| " + " | ".join(rule) + " |")
    return "\n".join(lines)


def _write_cell(cell: Cell) -> str:
    marks = {"best": "**", "others": "*"}
    mark = marks.get(cell.kind, "") if cell.text else ""
    return f"{mark}{_escape(cell.text)}{mark}"


def _escape(text: str) -> str:
    return text.replace("|", "\\|").replace("_", "\\_").replace("<", "&lt;")


def to_html(page: Page) -> str:
    """Write a page as HTML that holds its pictures and its style."""
    title = html.escape(page.title)
    body = [f"<h1>{title}</h1>"]
    body += [f'<p><a href="{name}.html">{html.escape(words)}</a></p>' for words, name in page.links]
    for part in page.parts:
        if isinstance(part, Sheet):
            body.append(_sheet_to_html(part))
        elif isinstance(part, Picture):
            body.append(_picture_to_html(part))
        else:
            items = "".join(f"<li>{html.escape(line)}</li>" for line in part.lines)
            body.append(f"<h2>{html.escape(part.title)}</h2>")
            body += [f"<ul>{items}</ul>"] if items else []
    head = (
        '<meta charset="utf-8">\n<meta name="viewport" content="width=device-width">\n'
        f"<title>{title}</title>\n<style>{STYLE}</style>"
    )
    inside = "\n".join(body)
    return (
        f'<!doctype html>\n<html lang="en">\n<head>\n{head}\n</head>\n'
        f"<body>\n{inside}\n</body>\n</html>\n"
    )


def _sheet_to_html(sheet: Sheet) -> str:
    def row(cells: tuple[Cell, ...], tag: str) -> str:
        inside = "".join(
            f'<{tag} class="{cell.kind}">{html.escape(cell.text)}</{tag}>' for cell in cells
        )
        return f"<tr>{inside}</tr>"

    rows = "\n".join(row(cells, "td") for cells in sheet.rows)
    notes = "".join(f'<p class="note">{html.escape(note)}</p>\n' for note in sheet.notes)
    return (
        f'<h2>{html.escape(sheet.title)}</h2>\n<div class="wide"><table>\n'
        f"<thead>{row(sheet.header, 'th')}</thead>\n<tbody>\n{rows}\n</tbody>\n</table></div>\n{notes}"
    )


def _picture_to_html(picture: Picture) -> str:
    data, words = base64.b64encode(picture.content).decode(), html.escape(picture.caption)
    return (
        f'<figure><img alt="{words}" src="data:image/png;base64,{data}">'
        f"<figcaption>{words}</figcaption></figure>"
    )
