"""Work on an image as it is kept on disk: what is kept, saving it, bringing it back."""
