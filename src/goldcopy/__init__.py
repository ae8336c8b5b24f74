"""goldcopy: backup, drift detection and proven restore of industrial controllers.

Imports go down only: cli > collect > vault, inventory, registry > wire, driver > snapshot > errors.
"""
