"""Inpaint: holes in a picture are filled."""
