"""The metrics file, read by the grammar of Prometheus' text format (version 0.0.4)."""

from __future__ import annotations

import re
from typing import NamedTuple

import msgspec
from hypothesis import given
from hypothesis import strategies as st
from tests.core.report_plant import AT, HOSTILE, night, quiet

from goldcopy.report.metrics import metrics
from goldcopy.report.night import Night

NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
LABEL = r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\["\\n])*)"'
SAMPLE = re.compile(rf"({NAME})(?:\{{((?:{LABEL},?)*)\}})? (-?\d+(?:\.\d+)?|NaN|[+-]Inf)")


class Family(NamedTuple):
    """What the file says of one metric."""

    help: str
    kind: str
    samples: dict[frozenset[tuple[str, str]], float]


def parse(text: str) -> dict[str, Family]:
    """Read the file as Prometheus does; anything that it would refuse is an error here."""
    assert text.endswith("\n")
    found: dict[str, Family] = {}
    last = ""
    for line in text[:-1].split("\n"):
        if help_ := re.fullmatch(rf"# HELP ({NAME}) (.+)", line):
            assert help_[1] not in found, "a family is told once, in one piece"
            found[help_[1]] = Family(help_[2], "", {})
            last = help_[1]
        elif kind := re.fullmatch(rf"# TYPE ({NAME}) (gauge|counter)", line):
            assert kind[1] == last
            assert not found[last].samples
            found[last] = found[last]._replace(kind=kind[2])
        else:
            sample = SAMPLE.fullmatch(line)
            assert sample, line
            assert sample[1] == last
            assert found[last].kind
            pairs = re.findall(LABEL, sample[2] or "")
            labels = frozenset((name, unescaped(value)) for name, value in pairs)
            assert len({name for name, _ in labels}) == len(pairs)
            assert labels not in found[last].samples, "a series is told once"
            found[last].samples[labels] = float(sample[5])
    return found


def unescaped(text: str) -> str:
    return re.sub(r"\\(.)", lambda one: {"n": "\n"}.get(one[1], one[1]), text)


def of(found: Family, **labels: str) -> float:
    (value,) = [
        value for told, value in found.samples.items() if labels.items() <= dict(told).items()
    ]
    return value


def test_all_that_an_alarm_is_made_of() -> None:
    found = parse(metrics(night()))
    green = found["goldcopy_device_green"]
    assert len(green.samples) == 60
    assert sum(green.samples.values()) == 52
    assert of(green, device="mixer-02", state="drift") == 0
    assert of(green, device="line0-plc00", state="green") == 1
    assert of(found["goldcopy_device_differs"], device="mixer-02") == 1
    assert of(found["goldcopy_device_differs"], device="line0-plc00") == 0
    assert len(found["goldcopy_snapshot_time_seconds"].samples) == 59  # robot-5 was never read
    assert of(found["goldcopy_pair_good"], device="line0-plc03", state="differs") == 0
    assert of(found["goldcopy_pair_good"], device="line0-plc01", other="line0-plc00") == 1
    assert of(found["goldcopy_replica_behind_packs"], replica="offsite") == 12
    assert of(found["goldcopy_vault_findings"]) == 1
    assert of(found["goldcopy_report_time_seconds"]) == AT.timestamp()
    assert {one.kind for one in found.values()} == {"gauge"}
    assert all(one.help for one in found.values())


NAMES = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=30)


@given(st.lists(NAMES, min_size=1, max_size=4, unique=True))
def test_any_name_reads_back(names: list[str]) -> None:
    subject = quiet(1).subjects[0]
    subjects = [
        msgspec.structs.replace(subject, device=msgspec.structs.replace(subject.device, name=name))
        for name in names
    ]
    found = parse(metrics(Night(AT, "v1", tuple(subjects), (), ())))
    told = {dict(labels)["device"] for labels in found["goldcopy_device_green"].samples}
    assert told == set(names)


def test_names_that_mean_harm() -> None:
    subject = quiet(1).subjects[0]
    name = f'{HOSTILE}"}} 1\ngoldcopy_device_green{{device="x\\'
    device = msgspec.structs.replace(subject.device, name=name)
    subjects = (msgspec.structs.replace(subject, device=device),)
    found = parse(metrics(Night(AT, "v1", subjects, (), ())))
    assert of(found["goldcopy_device_green"], device=name) == 1
    assert len(found["goldcopy_device_green"].samples) == 1


def test_a_plant_of_nothing() -> None:
    assert "goldcopy_vault_findings" in parse(metrics(Night(AT, "v1", (), (), ())))
