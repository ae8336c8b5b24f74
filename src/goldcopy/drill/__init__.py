"""Restores exercised before they are needed.

``source`` takes the gold copy from a replica, ``twins`` loads a simulator with it, ``scenario``
names what goes wrong, ``run`` does the real restore against it, ``faults`` drills the vault itself,
``due`` says what has to be drilled again. Nothing of a drill touches a device, and of the vault
only its notes.
"""
