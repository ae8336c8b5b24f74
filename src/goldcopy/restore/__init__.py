"""Known-good values back into a controller, proved leaf by leaf.

``model`` is the plan as data, ``plan`` makes it, ``gates`` says what has to hold before the first
write (``safety``: which controllers are never written), ``apply`` carries it out or goes on with
what was interrupted, ``course`` is the way forwards and back, ``journal`` what a kill leaves
behind, ``means`` what it works with, ``reach`` one device, ``verdicts`` and ``receipt`` what was
done, ``leaf`` how single values are compared.
Of many devices: ``survey`` plans, ``campaign`` orders, ``waves`` carries out.
"""

from goldcopy.restore.apply import abandon, apply, resume, rollback
from goldcopy.restore.campaign import Campaign, make_campaign
from goldcopy.restore.gates import GoldState, NotAllowed, Permit, Refusal
from goldcopy.restore.journal import Journal, unfinished
from goldcopy.restore.kept import find_campaign, find_plan, keep_plan
from goldcopy.restore.means import Means, Watch
from goldcopy.restore.model import Left, Plan, Values, Write
from goldcopy.restore.plan import make_plan
from goldcopy.restore.receipt import Leaf, Receipt, Verdict
from goldcopy.restore.survey import Planned, Wanted, make_plans
from goldcopy.restore.waves import CampaignReceipt, CampaignWatch, Job, apply_campaign

__all__ = [
    "Campaign",
    "CampaignReceipt",
    "CampaignWatch",
    "GoldState",
    "Job",
    "Journal",
    "Leaf",
    "Left",
    "Means",
    "NotAllowed",
    "Permit",
    "Plan",
    "Planned",
    "Receipt",
    "Refusal",
    "Values",
    "Verdict",
    "Wanted",
    "Watch",
    "Write",
    "abandon",
    "apply",
    "apply_campaign",
    "find_campaign",
    "find_plan",
    "keep_plan",
    "make_campaign",
    "make_plan",
    "make_plans",
    "resume",
    "rollback",
    "unfinished",
]
