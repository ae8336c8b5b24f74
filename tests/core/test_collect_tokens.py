"""Change tokens: what is carried over, and when everything is read instead."""

from __future__ import annotations

import pytest
from tests.core.collect_fakes import Controller, FakeVault, Said, device, run

from goldcopy.driver import Reading
from goldcopy.inventory import Device, Rule, Rules
from goldcopy.snapshot import Identity, Item, Snapshot


def tokened(controller: Controller, **said: object) -> Device:
    return device("m", controller, **{"driver": "tokened", **said})


BLOCKS = Reading([Item("block/OB1", "block", "INT", 1), Item("a", "tag", "INT", 1)])


async def test_what_a_token_covers_is_carried_over() -> None:
    vault, controller = FakeVault(), Controller(BLOCKS)
    await run([tokened(controller)], vault, previous=vault.latest)
    assert controller.since is None
    controller.reading = Reading([Item("a", "tag", "INT", 2)])
    await run([tokened(controller)], vault, previous=vault.latest)
    first, second = vault.kept
    assert controller.since is first[0]
    assert second[1].carried == ("block/OB1",)
    assert [item.path for item in second[0].items] == ["a", "block/OB1"]


async def test_only_what_is_in_the_snapshot_is_told_as_carried() -> None:
    vault, controller = FakeVault(), Controller(BLOCKS)
    mixer = tokened(controller, rules=Rules([Rule("block/OB2", "process")]))
    kept = [*BLOCKS.items, Item("block/OB2", "block", "INT", 1, "process")]
    rules = mixer.rules.digest
    old = Snapshot.of("m", "tokened", Identity(serial="1"), kept, (), rules)
    controller.reading = Reading([Item("a", "tag", "INT", 2)])
    await run([mixer], vault, previous=lambda _: old)
    assert vault.kept[0][1].carried == ("block/OB1",)


@pytest.mark.parametrize(
    "why", ["full", "not asked", "rules", "identity", "driver", "live values", "no token"]
)
async def test_everything_is_read_when_a_token_could_mislead(why: str) -> None:
    vault, controller = FakeVault(), Controller(BLOCKS)
    await run([tokened(controller, driver="fake" if why == "driver" else "tokened")], vault)
    said: Said = {"previous": vault.latest}
    again = tokened(controller)
    if why == "full":
        said["full"] = True
    elif why == "not asked":
        del said["previous"]
    elif why == "rules":
        again = tokened(controller, rules=Rules([Rule("x", "process")]))
    elif why == "identity":
        controller.identity = Identity(serial="2")
    elif why == "live values":
        said["keep_process"] = True
    elif why == "no token":
        again = device("m", controller)
    (outcome,) = await run([again], vault, **said)
    assert (outcome.state, controller.since) == ("kept", None)
