"""Which channels of an image the model sees as red, green and blue: chosen, shown, kept."""
