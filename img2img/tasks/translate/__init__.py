"""Translate: a picture of one kind becomes a picture of another kind."""
