"""Sending news: by mail, chat, pager and whatever else apprise knows."""

from __future__ import annotations

from collections.abc import Sequence

from goldcopy.driver import Secret
from goldcopy.errors import Wrong
from goldcopy.report.news import News

LINES = 40
"""Told in one message; the report has all of them."""


def send(targets: Sequence[Secret], news: News) -> list[str]:
    """Send news to each target; who did not get them, in words. Blocks on the network.

    Args:
        targets: apprise URLs (``mailto://…``). They hold passwords, so none is ever shown.
        news: what to tell.

    Raises ``Wrong`` if apprise is not installed.
    """
    if not targets:
        return []
    try:
        import apprise
    except ImportError:
        raise Wrong("notify: needs the library apprise: pip install 'goldcopy[notify]'") from None
    more = len(news.lines) - LINES
    body = "\n".join(news.lines[:LINES]) + (f"\nand {more} more" if more > 0 else "")
    failed = []
    for number, target in enumerate(targets, 1):
        sender = apprise.Apprise()
        if not sender.add(target.reveal()):
            failed.append(f"notify, target {number}: apprise does not know such a URL")
        elif not sender.notify(title=news.title, body=body):
            failed.append(f"notify, target {number}: the news could not be delivered")
    return failed
