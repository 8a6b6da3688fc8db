"""Prediction: embed an image once, prompt it many times."""
