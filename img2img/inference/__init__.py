"""Inference: a network applied to pictures exactly, in bounded memory, whatever the task."""
