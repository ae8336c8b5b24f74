"""What a driver is judged with, ours or anybody's.

``conformance`` is the suite: subclass ``DriverConformance`` and give one method, ``bench``.
``link`` is a TCP proxy with the faults of ``faults``, ``record`` and ``replay`` keep a session and
serve it again, ``bench`` is what all this works on. Only ``conformance`` needs pytest.
"""
