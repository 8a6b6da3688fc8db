"""The demo: coins in boxes, before and after the adaptation to one mask."""
