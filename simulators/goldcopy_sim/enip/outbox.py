"""Replies on their way out: batched, delayed, and spoiled by the fault in force."""

from __future__ import annotations

import asyncio
from collections import deque

from .device import Device

_CONTEXT = slice(12, 20)
_CONNECTION, _SEQUENCE = 36, 44
"""Where a SendUnitData packet has its connection id and its sequence number."""


class Outbox:
    """What one TCP connection still has to send."""

    def __init__(self, device: Device, transport: asyncio.Transport) -> None:
        self._device, self._transport = device, transport
        self._batch: list[bytes] = []
        self._delayed: deque[tuple[float, bytes]] = deque()
        self._timer: asyncio.TimerHandle | None = None
        self._held: bytes | None = None

    def plain(self, octets: bytes) -> None:
        """Send what the faults spare."""
        self._batch.append(octets)

    def reply(self, octets: bytes, *, connected: bool) -> None:
        """Answer a request, unless the fault in force has other plans."""
        fault = self._device.fault
        if fault is not None:
            match fault:
                case "duplicate":
                    octets *= 2
                case "garbage":
                    octets = bytes(0xA5 ^ byte for byte in octets)
                case "late":
                    held, self._held = self._held, octets
                    if held is None:
                        return
                    octets = held
                case "cut":
                    self._batch.append(octets[: max(1, len(octets) // 2)])
                    self.flush(hang_up=True)
                    return
                case _:
                    octets = spoiled(octets, fault, connected=connected)
        self._batch.append(octets)

    def flush(self, *, hang_up: bool = False) -> None:
        """Let go of what was gathered, now or when its delay is over."""
        octets = b"".join(self._batch)
        self._batch.clear()
        if hang_up:
            self._transport.write(octets)
            self._transport.close()
        elif not octets:
            return
        elif self._device.delay or self._delayed:
            due = asyncio.get_running_loop().time() + self._device.delay
            self._delayed.append((due, octets))
            if self._timer is None:
                self._arm()
        else:
            self._transport.write(octets)

    def close(self) -> None:
        """Forget everything: the connection has ended."""
        self._delayed.clear()
        if self._timer is not None:
            self._timer.cancel()

    def _arm(self) -> None:
        self._timer = asyncio.get_running_loop().call_at(self._delayed[0][0], self._release)

    def _release(self) -> None:
        self._timer = None
        _, octets = self._delayed.popleft()
        if not self._transport.is_closing():
            self._transport.write(octets)
        if self._delayed:
            self._arm()


def spoiled(octets: bytes, fault: str, *, connected: bool) -> bytes:
    """A packet with one of the marks changed by which a client knows its own."""
    spoilt = bytearray(octets)
    match fault:
        case "wrong-session":
            spoilt[4] ^= 0x55
        case "wrong-context":
            spoilt[_CONTEXT] = bytes(0x5A ^ byte for byte in spoilt[_CONTEXT])
        case "wrong-connection" if connected:
            spoilt[_CONNECTION] ^= 0x55
        case "wrong-sequence" if connected:
            spoilt[_SEQUENCE] ^= 0x55
    return bytes(spoilt)
