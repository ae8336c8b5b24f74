"""Drift: how a device differs from its gold copy, and when that may be called green.

``compare`` finds what differs, ``verdict`` gives the one word for a device, ``learn`` finds what
moves by itself and proposes rules, ``standby`` holds two devices against each other.
"""
