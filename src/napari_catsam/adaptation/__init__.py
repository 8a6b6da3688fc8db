"""Adapting a model to a few masks: from shots to training steps to an adapter."""
