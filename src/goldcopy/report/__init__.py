"""Reports: what a survey found, for people (one HTML page), monitoring, and auditors.

``night`` gathers, ``page`` makes the page, ``metrics`` the file for Prometheus, ``news`` says what is
new since the last time, ``evidence`` holds the plant against ATT&CK for ICS and the standards.
"""
