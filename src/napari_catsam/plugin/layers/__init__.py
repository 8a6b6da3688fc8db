"""What reads and writes napari's layers: planes, prompts that are drawn, masks."""
