"""Times and dates of S7 as text, and back.

A decoder gives None for bytes that are no such time, and so never a wrong one; an encoder gives
None for a text that the type cannot hold. Both are exact: whatever one gives, the other takes back.

Dates carry no zone and so no ``Z``: a CPU's clock runs on local time or on UTC as the plant has set
it, and the DB does not say which.
"""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta

_FIRST_DATE = date(1990, 1, 1)
_EPOCH = datetime(1970, 1, 1)
_MS_PER_DAY = 86_400_000
_NS_PER_DAY = _MS_PER_DAY * 1_000_000
_NS = 10**9
_CLOCK = re.compile(r"(\d\d):(\d\d):(\d\d)\.(\d+)", re.ASCII)


def s5time_read(raw: bytes) -> int | None:
    """Milliseconds of an S5TIME: time base in bits 12 and 13, three BCD digits below.

    Only in the form that STEP 7 gives a constant, the smallest base that holds it: two words that
    run equally long would else be one value, and could not both be put back.
    """
    digits = raw.hex()
    if not digits.isdecimal():
        return None
    milliseconds = 10 ** int(digits[0]) * 10 * int(digits[1:])
    return milliseconds if s5time_write(milliseconds) == raw else None


def s5time_write(milliseconds: int) -> bytes | None:
    """The word of an S5TIME; None where three digits are too few."""
    for base in range(4):
        count, rest = divmod(milliseconds, 10 ** (base + 1))
        if rest == 0 and 0 <= count <= 999:
            return bytes.fromhex(f"{base}{count:03}")
    return None


def date_read(raw: bytes) -> str:
    """DATE: days since 1990-01-01."""
    return (_FIRST_DATE + timedelta(days=int.from_bytes(raw, "big"))).isoformat()


def date_write(text: str) -> bytes | None:
    """The word of a DATE."""
    try:
        days = (date.fromisoformat(text) - _FIRST_DATE).days
        return days.to_bytes(2, "big")
    except (ValueError, OverflowError):
        return None


def tod_read(raw: bytes) -> str | None:
    """TIME_OF_DAY: milliseconds since midnight, as ``06:30:00.000``."""
    count = int.from_bytes(raw, "big")
    return _clock(count, 3) if count < _MS_PER_DAY else None


def tod_write(text: str) -> bytes | None:
    """The double word of a TIME_OF_DAY."""
    count = _count(text, 3)
    return None if count is None else count.to_bytes(4, "big")


def ltod_read(raw: bytes) -> str | None:
    """LTIME_OF_DAY: nanoseconds since midnight, as ``06:30:00.000000000``."""
    count = int.from_bytes(raw, "big")
    return _clock(count, 9) if count < _NS_PER_DAY else None


def ltod_write(text: str) -> bytes | None:
    """The eight bytes of an LTIME_OF_DAY."""
    count = _count(text, 9)
    return None if count is None else count.to_bytes(8, "big")


def dt_read(raw: bytes) -> str | None:
    """DATE_AND_TIME: BCD; years 90 to 99 are of the last century; three digits of ms, weekday."""
    digits = raw.hex()
    if not digits.isdecimal():
        return None
    year, month, day, hour, minute, second = (int(digits[n : n + 2]) for n in range(0, 12, 2))
    year += 1900 if year >= 90 else 2000
    moment = _moment(year, month, day, hour, minute, second)
    if moment is None or _weekday(moment) != int(digits[15]):
        return None
    return f"{moment.isoformat()}.{digits[12:15]}"


def dt_write(text: str) -> bytes | None:
    """The eight bytes of a DATE_AND_TIME."""
    moment, fraction = _parsed(text)
    if moment is None or not 1990 <= moment.year <= 2089:
        return None
    digits = f"{moment:%y%m%d%H%M%S}{fraction[:3]:0<3}{_weekday(moment)}"
    return bytes.fromhex(digits)


def dtl_read(raw: bytes) -> str | None:
    """DTL: year, month, day, weekday, hour, minute, second, nanosecond; 12 bytes."""
    month, day, weekday, hour, minute, second = raw[2:8]
    moment = _moment(int.from_bytes(raw[:2], "big"), month, day, hour, minute, second)
    fraction = int.from_bytes(raw[8:], "big")
    if moment is None or fraction >= _NS or _weekday(moment) != weekday:
        return None
    return f"{moment.isoformat()}.{fraction:09}"


def dtl_write(text: str) -> bytes | None:
    """The twelve bytes of a DTL."""
    moment, fraction = _parsed(text)
    if moment is None:
        return None
    day = bytes((moment.month, moment.day, _weekday(moment)))
    time = bytes((moment.hour, moment.minute, moment.second))
    nanoseconds = _nanoseconds(fraction).to_bytes(4, "big")
    return moment.year.to_bytes(2, "big") + day + time + nanoseconds


def ldt_read(raw: bytes) -> str | None:
    """LDATE_AND_TIME: nanoseconds since 1970, to the year 2262."""
    count = int.from_bytes(raw, "big")
    if count >= 2**63:
        return None
    seconds, fraction = divmod(count, _NS)
    return f"{(_EPOCH + timedelta(seconds=seconds)).isoformat()}.{fraction:09}"


def ldt_write(text: str) -> bytes | None:
    """The eight bytes of an LDATE_AND_TIME."""
    moment, fraction = _parsed(text)
    if moment is None or moment < _EPOCH:
        return None
    since = moment - _EPOCH
    return ((since.days * 86_400 + since.seconds) * _NS + _nanoseconds(fraction)).to_bytes(8, "big")


def _clock(count: int, digits: int) -> str:
    seconds, fraction = divmod(count, 10**digits)
    minutes, second = divmod(seconds, 60)
    hour, minute = divmod(minutes, 60)
    return f"{hour:02}:{minute:02}:{second:02}.{fraction:0{digits}}"


def _count(text: str, digits: int) -> int | None:
    """What ``_clock`` was given; None unless it gives just this text."""
    match = _CLOCK.fullmatch(text)
    if match is None or len(match[4]) != digits:
        return None
    hour, minute, second, fraction = map(int, match.groups())
    count = ((hour * 60 + minute) * 60 + second) * 10**digits + fraction
    return count if hour < 24 and _clock(count, digits) == text else None


def _weekday(moment: datetime) -> int:
    """Sunday is 1, in DT as in DTL."""
    return moment.isoweekday() % 7 + 1


def _moment(*parts: int) -> datetime | None:
    try:
        return datetime(*parts)  # type: ignore[arg-type]
    except ValueError:
        return None


def _parsed(text: str) -> tuple[datetime | None, str]:
    """Second and digits after it of ``2026-11-24T06:30:00.123``."""
    whole, point, fraction = text.partition(".")
    try:
        moment = datetime.fromisoformat(whole)
    except ValueError:
        return None, ""
    if not point or not (fraction.isascii() and fraction.isdecimal()) or moment.tzinfo is not None:
        return None, ""
    return moment, fraction


def _nanoseconds(fraction: str) -> int:
    return int(f"{fraction[:9]:0<9}")
