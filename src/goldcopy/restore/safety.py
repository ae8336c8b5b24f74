"""Which controllers are safety controllers. In doubt, one is: it is never written."""

from __future__ import annotations

import re
from typing import Final

from goldcopy.inventory import Device
from goldcopy.snapshot import Identity

_ORDER_CODES: Final = (
    (re.compile(r"6ES7 ?([0-9]{3}-[0-9]F|21[0-9]-[0-9][A-Z]F)"), "an F-CPU"),
    (re.compile(r"(1756|1768|1769|5069)-L[0-9]+[A-Z]*S"), "a GuardLogix"),
)
"""How makers write that a controller can run a safety program: an F behind the performance class
(of an S7-1200 behind the supply), an S behind the size."""


def safety(device: Device, *identities: Identity) -> str:
    """Why a device counts as a safety controller; "" if nothing says so."""
    if device.safety:
        return "the inventory says safety: true"
    for identity in identities:
        for said in (identity.order_code, identity.product):
            for pattern, what in _ORDER_CODES:
                if pattern.match(said):
                    return f"{said} is {what}"
    return ""
