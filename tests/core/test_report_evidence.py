"""Evidence against ATT&CK and the standards: nothing is claimed that the vault does not show."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, cast

import msgspec
import pytest
from tests.core.gold_people import DAY
from tests.core.report_plant import AT, night, of, one_value, plc, quiet, signed, state

from goldcopy.replica.state import Lag, Seen
from goldcopy.report import evidence
from goldcopy.report.evidence import NEEDS, layer, requirements, standings
from goldcopy.report.night import Night, Subject
from goldcopy.vault import Note, Vault

AGE = timedelta(hours=26)
# https://attack.mitre.org/mitigations/M0953, version 1.0.
M0953 = {
    "T0892": "Change Credential",
    "T0809": "Data Destruction",
    "T0813": "Denial of Control",
    "T0815": "Denial of View",
    "T0826": "Loss of Availability",
    "T0827": "Loss of Control",
    "T0828": "Loss of Productivity and Revenue",
    "T0829": "Loss of View",
    "T0831": "Manipulation of Control",
    "T0832": "Manipulation of View",
}
GOOD = Lag("nas", 0, None, Seen(packs=9, seen=AT, verified=AT - DAY))


class Notes:
    """A vault, as far as evidence looks into it."""

    def __init__(self, *notes: Note) -> None:
        self._notes = notes

    def notes(self, kind: str) -> list[Note]:
        return [note for note in self._notes if note.kind == kind]


def drill(
    device: str, at: datetime, state: str = "passed", proved: object = True, why: str = ""
) -> Note:
    body = {"state": state, "proved": proved, "why": why}
    made = msgspec.convert({"kind": "drill", "device": device, "time": at, "by": "me@here",
                            "body": body, "id": "0" * 64}, Note)  # fmt: skip
    return made


def told(subjects: Sequence[Subject], *notes: Note, replicas: Sequence[Lag] = (GOOD,)) -> Any:  # noqa: ANN401
    found = Night(AT, "v1", tuple(subjects), tuple(replicas), ())
    return standings(cast(Vault, Notes(*notes)), found, AGE)


def test_the_ten_techniques_of_m0953() -> None:
    assert {one.id: one.name for one in evidence.TECHNIQUES} == M0953
    assert len(evidence.TECHNIQUES) == 10


def test_all_there_is() -> None:
    subject = quiet(1).subjects[0]
    (one,) = told([subject], drill("line0-plc00", AT - DAY))
    assert one.has == dict.fromkeys(NEEDS, True)
    assert one.why == {}


def lacks(subject: Subject, need: str, *notes: Note, replicas: Sequence[Lag] = (GOOD,)) -> str:
    (one,) = told([subject], *notes, replicas=replicas)
    assert need in one.lacks(NEEDS)
    assert need in one.why
    return str(one.why[need])


def test_a_drill_counts_while_it_is_young_and_proved_and_none_has_failed_since() -> None:
    subject = quiet(1).subjects[0]
    name, need = subject.device.name, "passed drill"
    assert lacks(subject, need) == "no evidence"
    assert lacks(subject, need, drill("other", AT)) == "no evidence"
    assert lacks(subject, need, drill(name, AT, "not drilled")) == "no evidence"
    assert lacks(subject, need, drill(name, AT, proved=False)) == "no evidence"
    assert "2024" in lacks(subject, need, drill(name, AT - 800 * DAY))
    failed = lacks(
        subject, need, drill(name, AT - 2 * DAY), drill(name, AT - DAY, "failed", why="no answer")
    )
    assert failed == "the one of 2026-12-23 failed: no answer"
    again = drill(name, AT - DAY, "failed"), drill(name, AT)
    assert told([subject], *again)[0].has[need]


def test_a_replica_counts_if_it_is_whole_and_was_lately_verified() -> None:
    subject, need = quiet(1).subjects[0], "verified replica"
    for bad in (
        [],
        [GOOD._replace(behind=1)],
        [GOOD._replace(last=Seen(packs=9, seen=AT))],
        [GOOD._replace(last=Seen(packs=9, verified=AT - 31 * DAY))],
    ):
        assert lacks(subject, need, replicas=bad)
        assert told([subject], replicas=[*bad, GOOD])[0].has[need]


def test_a_gold_copy_counts_if_a_restore_could_use_it() -> None:
    found = {one.device.name: one for one in night(1).subjects}
    need = "valid gold copy"
    assert "nobody" in lacks(found["robot-5"], need)
    assert "ended" in lacks(found["filler-2"], need)
    assert told([one_value()])[0].has[need]  # that a device has drifted is no fault of the gold
    gold = state("mixer-09")
    lost = of(plc("mixer-09"), None, gold, signed(gold))
    assert lost.standing.judgement.state == "valid"
    assert lacks(lost, need).startswith("gold-lost: ")


def test_a_snapshot_counts_if_it_is_young_and_without_holes() -> None:
    found = {one.device.name: one for one in night(1).subjects}
    assert lacks(found["oven-01"], "fresh snapshot") == "the last one has gaps"
    assert lacks(found["robot-5"], "fresh snapshot") == "no evidence"
    subject = quiet(1).subjects[0]
    late = msgspec.structs.replace(quiet(1), at=AT + 2 * DAY)
    (one,) = standings(cast(Vault, Notes()), late, AGE)
    assert one.why["fresh snapshot"] == "the last one is too old"
    assert told([subject])[0].has["fresh snapshot"]


# -- the layer -------------------------------------------------------------------------------------

LAYER: dict[str, Any] = {
    "name": str, "versions": dict, "domain": str, "description": str, "techniques": list,
    "gradient": dict, "sorting": int, "hideDisabled": bool,
}  # fmt: skip
TECHNIQUE: dict[str, Any] = {
    "techniqueID": str, "tactic": str, "comment": str, "enabled": bool, "score": int,
    "color": str, "metadata": list, "links": list,
}  # fmt: skip


def test_the_layer_is_one_of_version_4_5() -> None:
    """By the documented fields: layers/LAYERFORMATv4_5.md of the Navigator."""
    subjects = night().subjects
    found = told(subjects)
    made = json.loads(json.dumps(layer(Night(AT, "v1", subjects, (GOOD,), ()), found)))
    assert {key: type(value) for key, value in made.items()}.items() <= LAYER.items()
    assert made["domain"] == "ics-attack"
    assert made["versions"]["layer"] == "4.5"
    assert [int(part) for part in made["versions"]["navigator"].split(".")] >= [4, 9, 0]
    assert made["versions"]["attack"].isdecimal()
    assert made["gradient"]["minValue"] < made["gradient"]["maxValue"]
    assert len(made["gradient"]["colors"]) >= 2
    assert all(re.fullmatch("#[0-9a-f]{6}", color) for color in made["gradient"]["colors"])
    assert made["sorting"] in range(4)
    for technique in made["techniques"]:
        assert {key: type(value) for key, value in technique.items()}.items() <= TECHNIQUE.items()
        assert re.fullmatch(r"T\d{4}", technique["techniqueID"])
        assert 0 <= technique["score"] <= 100
        assert all(set(one) == {"name", "value"} for one in technique["metadata"])
        assert all(one["name"] and one["value"] for one in technique["metadata"])
    assert [one["techniqueID"] for one in made["techniques"]] == list(M0953)


def test_100_is_said_only_where_nothing_falls_short() -> None:
    subjects = [quiet(1).subjects[0]] * 299 + [one_value()]
    found = told(subjects, drill("line0-plc00", AT - DAY))
    scores = {one["techniqueID"]: one for one in layer(quiet(1), found)["techniques"]}
    assert scores["T0809"]["score"] == 99
    assert scores["T0809"]["comment"] == "mixer-02: lacks passed drill"
    assert scores["T0831"]["score"] == 100
    assert scores["T0831"]["comment"] == ""
    nothing = layer(quiet(1), [])["techniques"][0]
    assert (nothing["score"], nothing["comment"]) == (0, "no evidence")


# -- the standards ---------------------------------------------------------------------------------


def test_without_evidence_it_says_so() -> None:
    nobody = of(plc("robot-5"), state("robot-5"), None, [])
    empty = Night(AT, "v1", (nobody,), (), ())
    rows = requirements(empty, told([nobody], replicas=()))
    assert {row.evidence for row in rows} == {"no evidence"}
    clauses = {(row.standard, row.clause) for row in rows}
    for wanted in [
        ("IEC 62443-3-3", "SR 7.3"), ("IEC 62443-3-3", "SR 7.4"), ("NIST SP 800-53", "CP-9"),
        ("NIST SP 800-53", "CP-10"), ("NERC CIP-009-6", "R2"), ("NERC CIP-010-4", "R1"),
    ]:  # fmt: skip
        assert wanted in clauses


def test_what_was_not_read_was_not_compared() -> None:
    gold = state("mixer-09")
    stale = of(plc("mixer-09"), gold, gold, signed(gold), error="no answer")
    assert stale.standing.verdict.drift is not None
    both = [stale, quiet(1).subjects[0]]
    rows = requirements(Night(AT, "v1", tuple(both), (), ()), told(both))
    watched = {row.clause: row.evidence for row in rows if row.standard == "NERC CIP-010-4"}
    assert watched["R2"].startswith("1 of 2 devices compared")


@pytest.mark.parametrize("count", [1, 7])
def test_shares_are_counted(count: int) -> None:
    subjects = quiet(count).subjects
    rows = requirements(quiet(count), told(subjects))
    gold = next(row for row in rows if (row.standard, row.clause) == ("NERC CIP-010-4", "R1"))
    assert gold.evidence == f"{count} of {count} devices: valid gold copy"
