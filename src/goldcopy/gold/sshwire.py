"""The data types of SSH (RFC 4251 section 5), as far as keys and signatures use them."""

from __future__ import annotations

from goldcopy.errors import Wrong


def string(data: bytes) -> bytes:
    """A string: its length in four bytes, then itself."""
    return len(data).to_bytes(4, "big") + data


def mpint(number: int) -> bytes:
    """A number that is not negative, with a zero in front where its first bit is set."""
    return string(number.to_bytes(number.bit_length() // 8 + 1, "big") if number else b"")


class Wire:
    """Reads one value after another; whatever does not fit raises ``Wrong``."""

    def __init__(self, data: bytes, what: str) -> None:
        """``what`` is for messages: ``the key``."""
        self._data = data
        self._at = 0
        self._what = what

    def take(self, size: int) -> bytes:
        """The next ``size`` bytes."""
        end = self._at + size
        if end > len(self._data):
            raise Wrong(f"{self._what} ends too early")
        self._at, taken = end, self._data[self._at : end]
        return taken

    def uint32(self) -> int:
        """A number of four bytes."""
        return int.from_bytes(self.take(4), "big")

    def string(self) -> bytes:
        """A string."""
        return self.take(self.uint32())

    def text(self) -> str:
        """A string that is ASCII, as all names in SSH are."""
        try:
            return self.string().decode("ascii")
        except UnicodeDecodeError:
            raise Wrong(f"{self._what} has a name that is not ASCII") from None

    def mpint(self) -> int:
        """A number that is not negative, in its only form."""
        data = self.string()
        number = int.from_bytes(data, "big")
        if mpint(number) != string(data):
            raise Wrong(f"{self._what} has a number that is negative or padded")
        return number

    def end(self) -> None:
        """Nothing may follow."""
        if self._at != len(self._data):
            raise Wrong(f"{self._what} has bytes behind its end")
