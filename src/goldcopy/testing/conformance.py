"""The suite that every driver passes.

Subclass ``DriverConformance`` in a test file and give it one method::

    class TestMine(DriverConformance):
        @asynccontextmanager
        async def bench(self) -> AsyncIterator[Bench]:
            async with MySimulator() as simulator:
                yield Bench(MyDriver(), Target(...), simulator, ...)

A driver with a login, with a change token or that can write subclasses those of ``powers`` as well:
a power that is declared and not tested fails. There is no way to leave a test out.
"""

from __future__ import annotations

import asyncio
import gc
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import replace

import msgspec
import pytest

from goldcopy.driver import Target, Tokened, Writable
from goldcopy.errors import Unreachable, WouldWrite, Wrong
from goldcopy.testing import faults
from goldcopy.testing.bench import Bench
from goldcopy.testing.faults import Fault
from goldcopy.testing.runs import (
    Run,
    attempt,
    closed,
    complete,
    each,
    linked,
    nothing_left,
    offsets,
    pull,
    sample,
)

_READS = {"identify", "read", "read_since"}
"""All that a session for reading may offer."""

_SOME = 12
"""Frames of a session that are disturbed, one after the other."""


class DriverConformance:
    """What every driver must do. One method to give: ``bench``."""

    pytestmark = pytest.mark.asyncio

    def bench(self) -> AbstractAsyncContextManager[Bench]:
        """A driver in front of a running simulator; the context stops the simulator."""
        raise NotImplementedError("a conformance test gives its bench")

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[Bench]:
        """The bench, on which nothing may be written, and nothing raised where nobody sees it."""
        loop, unseen = asyncio.get_running_loop(), []
        loop.set_exception_handler(lambda _, context: unseen.append(context))
        async with self.bench() as bench:
            yield bench
            gc.collect()  # an exception that nobody took is told when its task is thrown away
            assert not unseen, f"raised and seen by nobody: {unseen[:3]}"
            written = [service.name for service in bench.simulator.log if service.writes]
            assert not written, f"the controller was asked for {written[:5]} by a pull"

    # -- what is read --------------------------------------------------------------------------

    async def test_reads_exactly_what_the_controller_holds(self) -> None:
        """Paths, types and values are those of the simulator, and so are gaps and identity."""
        async with self.reading() as bench:
            assert bench.holds(), "a bench that holds nothing tests nothing"
            await complete(bench)
            assert bench.simulator.log, "the simulator's log is empty: does it log?"

    async def test_two_reads_agree(self) -> None:
        """Two pulls of one state have one id."""
        async with self.reading() as bench:
            ids = {(await complete(bench)).read.id for _ in range(2)}
            assert len(ids) == 1, "two pulls of one state differ"

    async def test_a_change_is_seen(self) -> None:
        """What somebody changed at the panel is in the next pull: a driver keeps no state."""
        async with self.reading() as bench:
            before = (await complete(bench)).read
            bench.change()
            after = (await complete(bench)).read
            assert before.id != after.id, "bench.change() changes nothing that is held"

    async def test_a_session_offers_nothing_that_writes(self) -> None:
        """A session for reading has no more than the contract says."""
        async with self.reading() as bench, linked(bench) as run:
            async with bench.driver.open(run.target, run.meter) as session:
                offered = {name for name in dir(session) if not name.startswith("_")}
            assert offered <= _READS, f"a reading session offers {sorted(offered - _READS)}"

    async def test_each_declared_power_is_tested(self) -> None:
        """The subclass has the suites of what the driver can do, and no others."""
        async with self.reading() as bench, linked(bench) as run:
            async with bench.driver.open(run.target, run.meter) as session:
                tokened = isinstance(session, Tokened)
            declared = {
                "LoginConformance": bench.target.password is not None,
                "TokenedConformance": tokened,
                "WritableConformance": isinstance(bench.driver, Writable),
            }
            tested = {kind.__name__ for kind in type(self).__mro__}
            for suite, can in declared.items():
                assert can == (suite in tested), f"{'add' if can else 'drop'} {suite}"

    async def test_the_driver_describes_itself(self) -> None:
        """Name, title, port, options and the honest table are there."""
        async with self.bench() as bench:
            driver = bench.driver
            assert driver.name
            assert driver.title
            assert 0 < driver.port < 65_536
            config = driver.Options.__struct_config__
            assert config.frozen, "Options must be frozen"
            assert config.forbid_unknown_fields, "Options must forbid unknown fields"
            assert driver.capabilities, "what can it do?"
            for row in driver.capabilities:
                assert (row.state == "done") == (not row.why), f"{row.what}: why is it {row.state}?"

    # -- how it is read ------------------------------------------------------------------------

    async def test_the_connection_budget_is_kept(self) -> None:
        """Never more connections at once than courtesy allows, also in trouble."""
        async with self.reading() as bench:
            allowed = bench.target.courtesy.connections
            for run in (await complete(bench), await attempt(bench, faults.silence(1))):
                assert run.link.peak <= allowed, (
                    f"{run.link.fault}: {run.link.peak} connections at once, {allowed} allowed"
                )
                assert run.link.total, "the driver went round the link"

    async def test_the_window_is_never_exceeded(self) -> None:
        """Never more requests in flight than courtesy allows, and all is still read."""
        async with self.reading() as bench:
            for window in (1, 3, 8):
                run = await complete(bench, target=with_window(bench.target, window))
                assert run.link.in_flight <= window, (
                    f"{run.link.in_flight} requests in flight, {window} allowed"
                )

    async def test_the_meter_counts_what_passed(self) -> None:
        """The meter has the bytes of the wire, and progress ends at its total."""
        async with self.reading() as bench:
            run = await complete(bench)
            meter, link = run.meter, run.link
            assert meter.bytes_out == link.bytes_out, f"{meter}, and {link.bytes_out} went out"
            assert meter.bytes_in == link.bytes_in, f"{meter}, and {link.bytes_in} came in"
            assert 0 < meter.round_trips <= meter.requests <= link.requests, f"{meter}"
            assert meter.done == meter.total > 0, f"{meter}: progress must end at its total"

    # -- nobody there --------------------------------------------------------------------------

    @pytest.mark.parametrize("fault", [faults.REFUSED, faults.HALF_OPEN], ids=str)
    async def test_nobody_there_is_unreachable(self, fault: Fault) -> None:
        """A closed port and one behind which nobody answers."""
        async with self.reading() as bench:
            run = await attempt(bench, fault)
            assert isinstance(run.error, Unreachable), f"{fault}: {run.error!r}"

    async def test_silence_is_unreachable(self) -> None:
        """From any frame on: the time limit of an exchange ends the pull."""
        async with self.reading() as bench:
            frames = await session(bench)
            runs = await each(bench, map(faults.silence, sample(len(frames), _SOME)))
            for run in runs:
                assert run.snapshot or isinstance(run.error, Unreachable), f"{run.error!r}"
            assert runs[0].error, "all was silent, and it made a snapshot"

    async def test_a_drip_slower_than_the_time_limit_is_unreachable(self) -> None:
        """Bytes that trickle in do not extend the time limit."""
        async with self.reading() as bench:
            run = await attempt(bench, faults.drip(bench.target.timeout / 3))
            assert isinstance(run.error, Unreachable), f"{run.error!r}"

    # -- a stream that is cut up, and sound ----------------------------------------------------

    @pytest.mark.parametrize("window", [1, 8])
    @pytest.mark.parametrize(
        "fault",
        [faults.fragmented(), faults.coalesced(), faults.drip(0.002, 20)],
        ids=str,
    )
    async def test_all_is_read_however_tcp_cuts_it(self, fault: Fault, window: int) -> None:
        """TCP is a stream: how it comes in pieces means nothing."""
        async with self.reading() as bench:
            await complete(bench, fault, with_window(bench.target, window))

    # -- a stream that cannot be trusted -------------------------------------------------------

    async def test_a_cut_after_every_byte(self) -> None:
        """A lost connection is ``Unreachable``, or a gap where something was optional."""
        async with self.reading() as bench:
            places = offsets(await session(bench), bench.cuts)
            runs = await each(bench, (faults.cut(n, reset=n % 2 == 0) for n in places))
            for run in runs:
                assert run.snapshot or isinstance(run.error, Unreachable), (
                    f"{run.link.fault}: {run.error!r}, and nothing was malformed"
                )

    async def test_garbage(self) -> None:
        """Frames of random or inverted bits: nothing of them is believed."""
        await self.disturbed(lambda n: [faults.garbage(n), faults.inverted(n)])

    async def test_other_content_of_a_frame(self) -> None:
        """Whatever a reply says: it is decoded or refused, and nothing breaks.

        What is decoded is wrong, of course: behind a sound header that is for TCP's checksum to
        find, or for that of the protocol.
        """
        async with self.reading() as bench:
            frames, keep = await session(bench), bench.framing.header
            wild = (faults.mutated(n % len(frames), keep, seed=n) for n in range(bench.cuts // 5))
            for run in await each(bench, wild, attempt):
                assert not isinstance(run.error, Wrong | WouldWrite), (
                    f"{run.link.fault}: raised {run.error!r}, and the controller is to blame"
                )

    async def test_each_bit_of_a_header_flipped(self) -> None:
        """One wrong bit up to the length field: found, or without effect."""
        async with self.reading() as bench:
            frames, bits = await session(bench), range(8 * bench.framing.header)
            for number in {0, len(frames) // 2}:
                await each(bench, (faults.flipped(number, bit) for bit in bits))

    @pytest.mark.parametrize("window", [1, 8])
    async def test_a_late_reply_to_an_earlier_request(self, window: int) -> None:
        """It is not taken for the reply to a later one."""
        await self.disturbed(lambda n: [faults.late(n)], window)

    @pytest.mark.parametrize("window", [1, 8])
    async def test_a_duplicated_reply(self, window: int) -> None:
        """It is not taken for the reply to the next request."""
        await self.disturbed(lambda n: [faults.duplicate(n)], window)

    async def disturbed(self, of: Callable[[int], Iterable[Fault]], window: int = 1) -> None:
        """These faults of some frames of a session, each in a pull of its own."""
        async with self.reading() as bench:
            bench.target = with_window(bench.target, window)
            numbers = sample(len(await session(bench)), _SOME)
            runs = await each(bench, (fault for n in numbers for fault in of(n)))
            assert any(run.link.struck.is_set() for run in runs), "nothing was disturbed"

    # -- cancelling ----------------------------------------------------------------------------

    async def test_cancelling_at_any_step_leaves_nothing(self) -> None:
        """No socket and no task, wherever connecting and reading are cut short."""
        async with self.reading() as bench:
            for steps in (*range(40), *range(40, 400, 9)):
                async with nothing_left(bench, f"cancelled after {steps} steps"):
                    await self.cancelled(bench, None, steps)

    async def test_cancelling_while_it_waits_leaves_nothing(self) -> None:
        """No socket and no task, whichever reply is waited for."""
        async with self.reading() as bench:
            numbers = sample(len(await session(bench)), _SOME)
            bench.target = replace(bench.target, timeout=60.0)
            silent = (faults.HALF_OPEN, *map(faults.silence, numbers))
            async with nothing_left(bench, "cancelled while it waited"):
                await each(bench, silent, lambda bench, fault: self.cancelled(bench, fault, 10))

    async def cancelled(self, bench: Bench, fault: Fault | None, steps: int) -> Run:
        """Cancel a pull after some steps of the event loop, counted from when the fault strikes."""
        when = f"cancelled after {steps} steps" if fault is None else f"cancelled in {fault}"
        async with linked(bench, fault) as run:
            task = asyncio.create_task(pull(bench, run))
            if fault is not None:
                struck = asyncio.create_task(run.link.struck.wait())
                await asyncio.wait({task, struck}, return_when="FIRST_COMPLETED")
                struck.cancel()
            for _ in range(steps):
                await asyncio.sleep(0)
            waited = task.cancel()
            done, _ = await asyncio.wait({task}, timeout=bench.deadline)
            assert done, f"{when}: it goes on"
            assert not waited or task.cancelled(), f"{when}: {task!r}"
            await closed(bench, run, when)
        return run


async def session(bench: Bench) -> list[int]:
    """The lengths of the server's frames in a pull that nothing disturbs."""
    return (await complete(bench)).link.frames


def with_window(target: Target, window: int) -> Target:
    """The target with another window."""
    courtesy = msgspec.structs.replace(target.courtesy, window=window)
    return replace(target, courtesy=courtesy)
