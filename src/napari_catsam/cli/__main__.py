"""``napari-catsam``: the program."""

from napari_catsam.cli.app import app

__all__ = ["main"]


def main() -> None:
    """Run the program with the arguments of this process."""
    app(prog_name="napari-catsam")


if __name__ == "__main__":
    main()
