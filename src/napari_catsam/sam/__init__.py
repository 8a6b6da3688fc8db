"""The frozen model: Segment Anything's own modules, their weights and their attention."""

from napari_catsam.sam.libraries import load_triton_apart

load_triton_apart()  # before torchvision, which segment_anything imports
