"""A file's bytes as text, in whichever encoding the engineering tool wrote it."""

from __future__ import annotations

from pathlib import Path

from goldcopy.errors import Wrong

MAX_BYTES = 16 * 2**20
"""A source of all the DBs of a big CPU has a few MiB; beyond this it is some other file."""

_MARKS = (
    (b"\xef\xbb\xbf", "utf-8"),
    (b"\xff\xfe", "utf-16-le"),
    (b"\xfe\xff", "utf-16-be"),
)


def read(path: Path) -> str:
    r"""The text of a file, its lines ended by ``\n``.

    UTF-8 and UTF-16, with or without a byte order mark; else Windows-1252, which is what STEP 7 V5
    writes. Raises ``Wrong`` if the file cannot be read as any of them.
    """
    try:
        with path.open("rb") as file:
            raw = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise Wrong(f"{path}: cannot be read ({error.strerror}); check the name") from None
    if len(raw) > MAX_BYTES:
        raise Wrong(f"{path}: more than {MAX_BYTES} bytes; export the DBs alone, in smaller files")
    text = _decoded(raw, path)
    if "\0" in text:
        raise Wrong(f"{path}: holds NUL characters, so it is no text; export the DB again")
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _decoded(raw: bytes, path: Path) -> str:
    for mark, encoding in _MARKS:
        if raw.startswith(mark):
            encodings: tuple[str, ...] = (encoding,)
            raw = raw[len(mark) :]
            break
    else:
        encodings = _guesses(raw)
    for encoding in encodings:
        try:
            return raw.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise Wrong(
        f"{path}: is neither UTF-8, UTF-16 nor Windows-1252 text; save it as UTF-8 and try again"
    )


def _guesses(raw: bytes) -> tuple[str, ...]:
    """UTF-16 without a mark shows by the zero byte beside every ASCII character."""
    if raw[1:2] == b"\0":
        return ("utf-16-le",)
    if raw[:1] == b"\0":
        return ("utf-16-be",)
    return ("utf-8", "cp1252")
