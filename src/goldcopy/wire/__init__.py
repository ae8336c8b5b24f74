"""One exchange for the request-reply protocols over TCP: framing, matching, window, pacing, guard.

A protocol plugs in a sans-I/O ``Framer``; Modbus, S7 and EtherNet/IP share the rest. What it
guarantees:

- A reply reaches the request that it belongs to, or nobody. An unmatched, late, doubled or
  malformed reply ends the connection, so that no value can ever belong to another request.
- A request that the framer does not know to be reading never leaves a reading exchange.
- Every wait has a time limit; cancelling a waiter ends the connection.
- Nothing is ever sent twice. Whoever may repeat a read (``collect``) opens a new connection.
- A controller is answered what it asks back only in a writing exchange that is ``serving``.
- Memory is bounded: by the window on the way out, by ``LONGEST`` on the way in.
"""

from goldcopy.wire.contract import Direction, Framer, Recorder, Server
from goldcopy.wire.exchange import Exchange
from goldcopy.wire.frames import LONGEST
from goldcopy.wire.opening import connect

__all__ = ["LONGEST", "Direction", "Exchange", "Framer", "Recorder", "Server", "connect"]
