"""Annotating one object after another: gestures, prompts, previews, and the mask that is accepted."""
