"""The CPU's clock as it travels: DATE_AND_TIME, eight bytes of BCD."""

from __future__ import annotations

from datetime import datetime


def encode(when: datetime) -> bytes:
    """Year to second, hundredths, then a digit of milliseconds and the weekday (Sunday is 1)."""
    millisecond = when.microsecond // 1000
    parts = (
        when.year % 100,
        when.month,
        when.day,
        when.hour,
        when.minute,
        when.second,
        millisecond // 10,
        millisecond % 10 * 10 + (when.isoweekday() % 7 + 1),
    )
    return bytes(part // 10 << 4 | part % 10 for part in parts)


def decode(octets: bytes) -> datetime:
    """The inverse; years from 90 are of the 20th century.

    Raises:
        ValueError: Not BCD, or no such moment.
    """
    if len(octets) != 8:
        raise ValueError(f"a DATE_AND_TIME has 8 bytes, this has {len(octets)}")
    digits = octets.hex()
    year, month, day, hour, minute, second = (int(digits[at : at + 2]) for at in range(0, 12, 2))
    century = 1900 if year >= 90 else 2000
    microsecond = int(digits[12:15]) * 1000
    return datetime(century + year, month, day, hour, minute, second, microsecond)
