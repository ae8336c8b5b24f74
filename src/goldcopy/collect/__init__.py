"""Many devices at once. Retry, concurrency and budgets live here and nowhere else.

``run`` takes a set of devices to their outcomes, ``device`` is one device's way through it,
``pull`` reads one device with its attempts and deadline, ``budget`` says who has to wait for whom,
``terms`` when a device may be asked, ``outcome`` is the result of one device, ``watch`` what a
progress bar reads.
"""

from goldcopy.collect.device import Keep, Lookup
from goldcopy.collect.outcome import Outcome
from goldcopy.collect.run import collect
from goldcopy.collect.terms import Terms
from goldcopy.collect.watch import Progress, State, Watch

__all__ = ["Keep", "Lookup", "Outcome", "Progress", "State", "Terms", "Watch", "collect"]
