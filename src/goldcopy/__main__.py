"""``python -m goldcopy``: the same as the ``goldcopy`` command."""

from goldcopy.cli import main

main()
