"""Reports: what a survey found, for people, for monitoring, and for auditors.

``night`` gathers, ``page`` makes the page, ``metrics`` the file for Prometheus, ``news`` says what
is new since it was told last, ``evidence`` holds the plant against ATT&CK and the standards.
"""
