"""Replies on their way out: batched, delayed, and spoiled by the fault in force."""

from __future__ import annotations

import asyncio
from collections import deque

from .cpu import Cpu
from .frames import packets


class Outbox:
    """What one connection still has to send."""

    def __init__(self, cpu: Cpu, transport: asyncio.Transport) -> None:
        self._cpu = cpu
        self._transport = transport
        self._batch: list[bytes] = []
        self._jobs: list[bytes] = []
        self._replies = 0
        self._delayed: deque[tuple[float, bytes, int]] = deque()
        self._timer: asyncio.TimerHandle | None = None
        self._held: bytes | None = None
        self.tpdu = 1024
        """Bytes that the transport was agreed to carry at once."""
        self.waiting = 0
        """Jobs taken in whose reply has not left."""

    def raw(self, octets: bytes) -> None:
        """Send something that is no answer to a job."""
        self._batch.append(octets)

    def job(self, pdu: bytes) -> None:
        """Ask the client for something, once the replies of this batch are out."""
        self._jobs.append(packets(pdu, self.tpdu))

    def forget_jobs(self) -> None:
        """Ask the client for nothing of this batch."""
        self._jobs.clear()

    def repeat_jobs(self) -> None:
        """Ask for it two times."""
        self._jobs *= 2

    def setup(self, pdu: bytes) -> None:
        """Answer setup communication, which the faults spare."""
        self._replies += 1
        self._batch.append(packets(pdu, self.tpdu))

    def reply(self, pdu: bytes) -> None:
        """Answer a job, unless the fault in force has other plans."""
        fault = self._cpu.fault
        self._replies += 1
        if fault == "wrong-reference":
            other = int.from_bytes(pdu[4:6], "big") ^ 0x0101
            pdu = pdu[:4] + other.to_bytes(2, "big") + pdu[6:]
        octets = packets(pdu, self.tpdu)
        match fault:
            case "duplicate":
                octets *= 2
            case "garbage":
                octets = bytes(0xA5 ^ byte for byte in octets)
            case "late":
                self._replies -= 1
                held, self._held = self._held, octets
                if held is None:
                    return
                self._replies += 1
                octets = held
            case "cut":
                self._batch.append(octets[: len(octets) // 2])
                self._jobs.clear()
                self.flush(hang_up=True)
                return
        self._batch.append(octets)

    def flush(self, *, hang_up: bool = False) -> None:
        """Let go of what was gathered, now or when its delay is over."""
        octets, replies = b"".join(self._batch + self._jobs), self._replies
        self._batch.clear()
        self._jobs.clear()
        self._replies = 0
        if not (octets or hang_up) or self._transport.is_closing():
            return
        if hang_up:
            self._transport.write(octets)
            self._transport.close()
        elif self._cpu.delay or self._delayed:
            due = asyncio.get_running_loop().time() + self._cpu.delay
            self._delayed.append((due, octets, replies))
            if self._timer is None:
                self._arm()
        else:
            self.waiting -= replies
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
        _, octets, replies = self._delayed.popleft()
        self.waiting -= replies
        if not self._transport.is_closing():
            self._transport.write(octets)
        if self._delayed:
            self._arm()
