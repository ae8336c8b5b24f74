"""The night run: which devices are asked when, what went before, and one line of what came of it.

``window`` says when a zone may be asked, ``backoff`` how patiently a device that keeps failing,
``begun`` when this night began, ``turns`` puts these together, ``summary`` is the line,
``install`` what makes systemd run it.
"""
