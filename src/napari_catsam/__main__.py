"""``python -m napari_catsam``: the same program as ``napari-catsam``."""

from napari_catsam.cli.__main__ import main

if __name__ == "__main__":
    main()
