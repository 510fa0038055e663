"""Stylize: a photograph painted like a picture. So far by optimisation and from Python alone; it is no command yet."""
