"""The recovery kit: a folder for a USB stick, from which devices are restored without a network.

``make`` lays it out: a copy of the vault's packs for reading, the inventory ``reduced`` to some
devices, the ``wheels`` of goldcopy, a printable ``runbook`` for each device (``ways``: what is put
back by itself, and what by hand), the files that its options name if they are no secrets
(``carried``), and under all of it ``sums``, signed. ``site`` holds the shell
scripts that people start on the laptop. Nothing in a kit is ever written to: what is done with it
is kept in a vault of its own, on the laptop.
"""

from goldcopy.kit.made import Made
from goldcopy.kit.make import make

__all__ = ["Made", "make"]
