"""The napari plugin: a dock widget over the library; nothing here imports torch when imported."""
