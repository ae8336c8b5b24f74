"""Known-good values back into a controller, proved leaf by leaf.

``model`` is the plan as data, ``plan`` makes it, ``gates`` says what has to hold before the first
write (``safety``: which controllers are never written), ``apply`` carries it out or goes on with
what was interrupted, ``course`` is the way forwards and back, ``journal`` what a kill leaves
behind, ``reach`` one device, ``receipt`` what was done, ``leaf`` how single values are compared.
"""

from goldcopy.restore.apply import Means, apply, resume, rollback
from goldcopy.restore.course import Watch
from goldcopy.restore.gates import GoldState, NotAllowed, Permit, Refusal
from goldcopy.restore.journal import Journal, unfinished
from goldcopy.restore.kept import find_plan, keep_plan
from goldcopy.restore.model import Left, Plan, Values, Write
from goldcopy.restore.plan import make_plan
from goldcopy.restore.receipt import Leaf, Receipt, Verdict

__all__ = [
    "GoldState",
    "Journal",
    "Leaf",
    "Left",
    "Means",
    "NotAllowed",
    "Permit",
    "Plan",
    "Receipt",
    "Refusal",
    "Values",
    "Verdict",
    "Watch",
    "Write",
    "apply",
    "find_plan",
    "keep_plan",
    "make_plan",
    "resume",
    "rollback",
    "unfinished",
]
