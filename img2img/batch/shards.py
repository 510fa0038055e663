"""``--shard k/n``: one of n parts of the pictures, the same on every machine, so that n commands do all of them without an engine."""

import hashlib
import re
from typing import NamedTuple, Self

from img2img.errors import ConfigError, option

MOST = 1_000_000


class Shard(NamedTuple):
    """Part ``number``, from 1 on, of ``parts``."""

    number: int
    parts: int

    @classmethod
    def parse(cls, text: str) -> Self:
        """The shard that "K/N" says. Raises ConfigError."""
        match = re.fullmatch(r"(\d{1,7})/(\d{1,7})", text, re.ASCII)
        number, parts = (int(match[1]), int(match[2])) if match else (0, 0)
        if not 1 <= number <= parts <= MOST:
            raise ConfigError(f"{option('shard')} is K/N with K from 1 to N and N up to {MOST:,}, such as 3/8; got {text!r}")
        return cls(number, parts)

    def __contains__(self, name: object) -> bool:
        """Whether the picture called ``name`` is in it.

        Decided by SHA-256 of the name: equal on all machines and in all versions of Python, and a picture that is added moves no other.
        """
        digest = hashlib.sha256(str(name).encode("utf-8", "surrogateescape")).digest()
        return int.from_bytes(digest[:8], "big") % self.parts == self.number - 1

    def __str__(self) -> str:
        return f"{self.number}/{self.parts}"
