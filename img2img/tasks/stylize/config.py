"""Placeholder, to be replaced by the configuration of training."""

from pydantic import BaseModel


class StylizeConfig(BaseModel):
    """Nothing yet."""
