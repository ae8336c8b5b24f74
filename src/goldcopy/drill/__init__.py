"""Restores exercised before they are needed.

``source`` takes the gold copies from a replica, ``twins`` loads a simulator with one, ``harm`` does
what an attacker would, ``run`` does the real restore against it on the ``ground`` of one drill,
``faults`` drills the vault itself, ``rounds`` goes over the devices, ``due`` says what has to be
drilled again. Nothing of it touches a device, and of the vault only its notes.
"""
