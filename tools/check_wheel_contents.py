"""Fail when a file of the package, such as an icon, is not in its wheel: check_wheel_contents.py FOLDER."""

from __future__ import annotations

import sys
from pathlib import Path
from zipfile import ZipFile

SOURCE = Path(__file__).parent.parent / "src"
MADE = {"__pycache__"}
"""Folders that Python makes by itself."""


def list_files(source: Path) -> set[str]:
    """Return the files of the packages below a folder, as a wheel names them."""
    files = [path.relative_to(source) for path in source.rglob("*") if path.is_file()]
    return {path.as_posix() for path in files if not MADE & set(path.parts)}


def main(folder: Path) -> int:
    wheels = sorted(folder.glob("*.whl"))
    if len(wheels) != 1:
        print(f"{folder} holds {len(wheels)} wheels; one was expected: run make build")
        return 1
    with ZipFile(wheels[0]) as wheel:
        missing = list_files(SOURCE) - set(wheel.namelist())
    for name in sorted(missing):
        print(f"{wheels[0].name} lacks {name}")
    return 1 if missing else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
