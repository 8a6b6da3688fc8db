"""The guided first minute: its steps, its layers, and the banner."""
