"""The file for Prometheus' textfile collector: what an alarm can be made of."""

from __future__ import annotations

from collections.abc import Iterator

from goldcopy.report.night import Night


def metrics(night: Night) -> str:
    """All figures, in the text format of Prometheus."""
    return "".join(f"{line}\n" for line in _lines(night))


def _lines(night: Night) -> Iterator[str]:
    yield "# HELP goldcopy_device_green 1 if the device is as approved, else 0."
    yield "# TYPE goldcopy_device_green gauge"
    for one in night.subjects:
        word = one.standing.verdict.word
        labels = f'device="{_escaped(one.device.name)}",state="{word}"'
        yield f"goldcopy_device_green{{{labels}}} {int(one.standing.verdict.green)}"
    yield "# HELP goldcopy_device_differs Settings and identity fields not as in the gold copy."
    yield "# TYPE goldcopy_device_differs gauge"
    for one in night.subjects:
        yield f'goldcopy_device_differs{{device="{_escaped(one.device.name)}"}} {one.differs}'
    yield "# HELP goldcopy_pair_good 1 if two devices that belong together are alike, else 0."
    yield "# TYPE goldcopy_pair_good gauge"
    for pair in night.pairs:
        names = f'device="{_escaped(pair.device)}",other="{_escaped(pair.other)}"'
        more = f'sort="{pair.sort}",state="{pair.word}"'
        yield f"goldcopy_pair_good{{{names},{more}}} {int(pair.good)}"
    yield "# HELP goldcopy_snapshot_time_seconds When the last snapshot was taken."
    yield "# TYPE goldcopy_snapshot_time_seconds gauge"
    for one in night.subjects:
        if one.standing.latest is not None:
            taken = one.standing.latest.facts.taken.timestamp()
            name = _escaped(one.device.name)
            yield f'goldcopy_snapshot_time_seconds{{device="{name}"}} {taken:.0f}'
    yield "# HELP goldcopy_replica_behind_packs Packs that a replica does not have."
    yield "# TYPE goldcopy_replica_behind_packs gauge"
    for lag in night.replicas:
        yield f'goldcopy_replica_behind_packs{{replica="{_escaped(lag.replica)}"}} {lag.behind}'
    yield "# HELP goldcopy_vault_findings What is wrong with the vault; 0 if nothing is."
    yield "# TYPE goldcopy_vault_findings gauge"
    yield f"goldcopy_vault_findings {len(night.findings)}"
    yield "# HELP goldcopy_report_time_seconds When these figures were made."
    yield "# TYPE goldcopy_report_time_seconds gauge"
    yield f"goldcopy_report_time_seconds {night.at.timestamp():.0f}"


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
