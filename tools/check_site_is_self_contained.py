"""Fail when a built page loads a script, style, font or picture from another server."""

from __future__ import annotations

import re
import sys
from html.parser import HTMLParser
from pathlib import Path

LOADED_LINKS = {
    "stylesheet",
    "preload",
    "prefetch",
    "preconnect",
    "dns-prefetch",
    "icon",
    "modulepreload",
}
CSS_LOADS = re.compile(r"""(?:@import\s+|url\(\s*)["']?((?:https?:)?//[^"')\s]+)""")


class LoadedAddresses(HTMLParser):
    """Collects the addresses that a browser loads when it shows the page."""

    def __init__(self) -> None:
        super().__init__()
        self.addresses: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        if tag == "link" and LOADED_LINKS & set((values.get("rel") or "").split()):
            self.addresses.append(values.get("href") or "")
        if tag in {"script", "img", "iframe", "source", "video", "audio", "embed"}:
            self.addresses.append(values.get("src") or "")
        self.addresses += CSS_LOADS.findall(values.get("style") or "")


def foreign_addresses(page: Path) -> list[str]:
    text = page.read_text(encoding="utf-8")
    if page.suffix == ".css":
        return CSS_LOADS.findall(text)
    parser = LoadedAddresses()
    parser.feed(text)
    return [address for address in parser.addresses if re.match(r"(https?:)?//", address)]


def main(site: Path) -> int:
    pages = [*site.rglob("*.html"), *site.rglob("*.css")]
    found = [(page, address) for page in pages for address in foreign_addresses(page)]
    for page, address in found:
        print(f"{page} loads {address}")
    if not pages:
        print(f"{site} holds no pages")
    return 1 if found or not pages else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
