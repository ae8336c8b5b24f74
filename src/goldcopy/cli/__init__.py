"""The command line: arguments and printing only.

A command's module imports what it needs when it runs, so that ``goldcopy --help`` is quick.
"""

from goldcopy.cli.app import main

__all__ = ["main"]
