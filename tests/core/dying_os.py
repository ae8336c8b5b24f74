"""``os`` for the vault's files, until the n-th call: from then on there is no process."""

from __future__ import annotations

import os
from typing import Any


class Killed(BaseException):
    """The process has ended: nothing runs any more, no clean-up either."""


class DyingOs:
    def __init__(self, at: int) -> None:
        self.left = at

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401
        real = getattr(os, name)
        if not callable(real):
            return real

        def call(*args: Any, **kwargs: Any) -> Any:  # noqa: ANN401
            self.left -= 1
            if self.left <= 0 and name != "close":  # the kernel closes what is open
                raise Killed
            return real(*args, **kwargs)

        return call
