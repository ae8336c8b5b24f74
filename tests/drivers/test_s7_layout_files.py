"""Layout files as the engineering tools export them, against offsets worked out by hand."""

from __future__ import annotations

from pathlib import Path

import pytest

from goldcopy.snapshot import Identity, Item, Snapshot
from goldcopy_s7.layout import Layout, Layouts, load, source
from goldcopy_s7.layout.declared import Struct

SAMPLES = Path(__file__).parent.parent / "vectors" / "s7_layout"

DB5 = """
0.0 Ready BOOL | 0.1 Alarm BOOL | 1.0 Station BYTE | 2.0 Kind CHAR
4.0 Flags ARRAY[10] OF BOOL | 6.0 Spare BOOL | 8.0 Matrix ARRAY[2,3] OF BOOL
10.0 Grid ARRAY[2,3] OF BYTE | 16.0 Count INT | 18.0 Total DINT | 22.0 Ratio REAL
26.0 Name STRING | 33.0 Odd BYTE | 34.0 Names ARRAY[2] OF STRING | 46.0 Start DATE_AND_TIME
54.0 Day DATE | 56.0 Shift TIME_OF_DAY | 60.0 Delay TIME | 64.0 Ramp TIME | 66.0 Ptr BYTES
72.0 Anyone BYTES | 82.0 Parts WORD | 84.0 Limits/Low INT | 86.0 Limits/On BOOL
88.0 Drive/Run BOOL | 88.1 Drive/Fault BOOL | 90.0 Drive/Speed REAL | 94.0 Drive/Ramp TIME
96.0 Drive/Tag ARRAY[3] OF BYTE | 100.0 Drive/Mode BYTE
102.0 Drives[1]/Run BOOL | 102.1 Drives[1]/Fault BOOL | 104.0 Drives[1]/Speed REAL
108.0 Drives[1]/Ramp TIME | 110.0 Drives[1]/Tag ARRAY[3] OF BYTE | 114.0 Drives[1]/Mode BYTE
116.0 Drives[2]/Run BOOL | 116.1 Drives[2]/Fault BOOL | 118.0 Drives[2]/Speed REAL
122.0 Drives[2]/Ramp TIME | 124.0 Drives[2]/Tag ARRAY[3] OF BYTE | 128.0 Drives[2]/Mode BYTE
130.0 Rows[0,1]/V WORD | 132.0 Rows[0,1]/B BOOL | 134.0 Rows[0,2]/V WORD | 136.0 Rows[0,2]/B BOOL
138.0 Rows[1,1]/V WORD | 140.0 Rows[1,1]/B BOOL | 142.0 Rows[1,2]/V WORD | 144.0 Rows[1,2]/B BOOL
146.0 Last BOOL
"""
DRIVE = """
0.0 Run BOOL | 0.1 Fault BOOL | 2.0 Speed REAL | 6.0 Ramp TIME | 8.0 Tag ARRAY[3] OF BYTE
12.0 Mode BYTE
"""
MIXER = """
0.0 Stamp DATE_AND_TIME | 12.0 Text WSTRING | 24.0 Letter WCHAR | 26.0 Small SINT
27.0 Tiny one SINT | 28.0 Big ULINT | 36.0 Long LTIME | 44.0 Noon LTIME_OF_DAY
52.0 When LDATE_AND_TIME
60.0 Recipes[1]/Name STRING | 82.0 Recipes[1]/Soll~1Wert LREAL
90.0 Recipes[1]/Steps ARRAY[4] OF INT | 98.0 Recipes[1]/Active BOOL
100.0 Recipes[2]/Name STRING | 122.0 Recipes[2]/Soll~1Wert LREAL
130.0 Recipes[2]/Steps ARRAY[4] OF INT | 138.0 Recipes[2]/Active BOOL
140.0 Nested/Inner/On BOOL | 140.1 Nested/Inner/Off BOOL | 142.0 Nested/Level INT
144.0 Done BOOL
"""
PLANT = """
0.0 Name STRING | 22.0 Soll~1Wert LREAL | 30.0 Steps ARRAY[4] OF INT | 38.0 Active BOOL
"""
BAND = """
0.0 Läuft BOOL | 2.0 Freigabe ARRAY[10] OF BOOL | 4.0 Motor/Drehzahl REAL
8.0 Motor/Stamm/Typ STRING | 13.0 Motor/Stamm/Nr BYTE | 14.0 Achse[1]/Pos DINT
18.0 Achse[1]/Ref BOOL | 20.0 Achse[2]/Pos DINT | 24.0 Achse[2]/Ref BOOL
26.0 Zeit DATE_AND_TIME | 38.0 Ende.Marke INT
"""
VIEW = """
0.0 Ready BOOL | 2.0 Limits/Low INT | 4.0 Limits/High INT | 6.0 Steps ARRAY[3] OF INT
12.0 Axes[1]/Pos DINT | 16.0 Axes[1]/Ref BOOL | 18.0 Axes[2]/Pos DINT | 22.0 Axes[2]/Ref BOOL
24.0 Text STRING | 30.0 Spare ARRAY[3] OF BYTE
"""
TAGS = "0.0 Speed REAL | 4.0 Dir BOOL | 4.1 Hold BOOL | 5.0 Mode BYTE"


def sample(*names: str) -> Layouts:
    return load(*(SAMPLES / name for name in names))


def table(layout: Layout) -> list[str]:
    """Each leaf as ``offset name type``; the type of what the leaf is meant to hold."""
    found = []
    for name, leaf in layout.by_name.items():
        lengths = ",".join(map(str, leaf.shape))
        type_ = f"ARRAY[{lengths}] OF {leaf.codec.type}" if leaf.shape else leaf.codec.type
        found.append(f"{leaf.offset}.{leaf.start % 8} {name} {type_}")
    return found


def by_hand(text: str) -> list[str]:
    return [part.strip() for line in text.strip().splitlines() for part in line.split(" | ")]


def items(layout: Layout, body: bytes | bytearray) -> dict[str, Item]:
    return {item.path: item for item in layout.leaves(f"db/{layout.number}", body)}


@pytest.mark.parametrize(
    ("files", "number", "name", "size", "expected"),
    [
        (("mixer.awl",), 5, "", 148, DB5),
        (("mixer.awl",), 6, "", 14, DRIVE),
        (("Mixer.db", "Recipe.udt"), 9, "", 146, MIXER),
        (("Recipe.udt", "Mixer.db", "mixer.awl"), 9, "MIXER", 146, MIXER),
        (("Plant.db", "Recipe.udt"), 1, "", 40, PLANT),
        (("Plant.db", "Recipe.udt"), 1, "Recipe", 40, PLANT),
        (("DB7_Band.csv",), 7, "", 40, BAND),
        (("view.txt",), 1, "view", 34, VIEW),
        (("tags.csv",), 12, "", 6, TAGS),
    ],
)
def test_offsets_are_those_of_step_7(
    files: tuple[str, ...], number: int, name: str, size: int, expected: str
) -> None:
    layout = sample(*files).layout(number, name)
    assert table(layout) == by_hand(expected)
    assert layout.size == size


def test_comments_are_labels_in_whichever_encoding() -> None:
    db5 = sample("mixer.awl").layout(5).by_name
    labels = {name: leaf.label for name, leaf in db5.items() if leaf.label}
    assert labels == {
        "Ready": 'Bereit für "Start"',
        "Kind": "nach dem ; hier",
        "Flags": "Freigaben",
        "Limits/Low": "unten",
        "Drive/Run": "läuft",
        "Drive/Speed": "Drehzahl in 1/s",
        "Drive/Tag": "drei Zeichen",
        "Drives[1]/Run": "läuft",
        "Drives[1]/Speed": "Drehzahl in 1/s",
        "Drives[1]/Tag": "drei Zeichen",
        "Drives[2]/Run": "läuft",
        "Drives[2]/Speed": "Drehzahl in 1/s",
        "Drives[2]/Tag": "drei Zeichen",
    }
    mixer = sample("Mixer.db", "Recipe.udt").layout(1).by_name
    assert mixer["Stamp"].label == "last change"
    assert mixer["When"].label == "local time"
    assert mixer["Recipes[2]/Soll~1Wert"].label == "°C at the outlet"
    assert sample("DB7_Band.csv").layout(7).by_name["Motor/Drehzahl"].label == (
        'in "1/min"; max 1450'
    )
    assert sample("view.txt").layout(1).by_name["Ready"].label == "über alles"
    assert sample("tags.csv").layout(12).by_name["Hold"].label == "two, words"


def test_comments_in_odd_places() -> None:
    text = """DATA_BLOCK DB 1
    // before
    STRUCT
      // above a
      a (* one *) : (* two *) INT := 5 (* three *) ; // four
      // below a
      s (* five *) : STRUCT // six
        b, c : BOOL ; (* seven
        and eight *)
        // the last one inside
      END_STRUCT ; // nine
      t : ARRAY [0..1] OF (* ten *) BYTE (* eleven *) ; // twelve
    END_STRUCT ; BEGIN END_DATA_BLOCK"""
    layout = Layouts(source.parse(text, "x.awl")).layout(1)
    assert {name: leaf.label for name, leaf in layout.by_name.items()} == {
        "a": "one two three four",
        "s/b": "seven and eight",
        "s/c": "seven and eight",
        "t": "ten eleven twelve",
    }
    (block,) = source.parse(text, "x.awl")
    assert isinstance(block.body, Struct)
    assert block.body.members[1].label == "five six nine"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
def test_any_encoding_gives_the_same_layout(encoding: str, tmp_path: Path) -> None:
    text = (SAMPLES / "mixer.awl").read_text("cp1252")
    copy = tmp_path / "copy.AWL"
    copy.write_bytes(text.encode(encoding))
    found, expected = load(copy).layout(5), sample("mixer.awl").layout(5)
    assert table(found) == table(expected)
    assert found.by_name["Drive/Run"].label == "läuft"


def body_of_db5() -> bytearray:
    """148 bytes, written down by hand; what is not set is zero."""
    body = bytearray(148)

    def put(at: int, raw: bytes) -> None:
        body[at : at + len(raw)] = raw

    put(0, b"\x02\x07A")  # Ready off, Alarm on; station 7
    put(4, b"\x05\x02")  # Flags 1, 3 and 10
    put(8, b"\x04\x03")  # Matrix 1,3 and 2,1 and 2,2
    put(10, bytes(range(1, 7)))
    put(16, b"\xff\xfe\x00\x01\x86\xa0\xc0\x20\x00\x00")  # -2, 100000, -2.5
    put(26, b"\x05\x02ab???\x63")  # two of five characters; Odd is 99
    put(34, b"\x03\x03xyz\x00\x03\x00")
    put(46, bytes.fromhex("9312250812345677"))
    put(54, b"\x02\xda")  # 730 days
    put(56, (86_399_999).to_bytes(4, "big"))
    put(60, (-1500).to_bytes(4, "big", signed=True))
    put(64, b"\x21\x27")
    put(66, b"\x00\x05\x84\x00\x00\x10" + b"\x10\x02" + bytes(8) + b"\x00\x09")
    put(84, b"\x80\x00\x01")
    put(90, b"\x41\x70\x00\x00")  # 15.0
    put(146, b"\x01")
    return body


def test_bytes_become_items() -> None:
    found = items(sample("mixer.awl").layout(5), body_of_db5())
    values = {path.removeprefix("db/5/"): item.value for path, item in found.items()}
    expected = {
        "Ready": False,
        "Alarm": True,
        "Station": 7,
        "Kind": "A",
        "Flags": (True, False, True, False, False, False, False, False, False, True),
        "Spare": False,
        "Matrix": (False, False, True, True, True, False),
        "Grid": (1, 2, 3, 4, 5, 6),
        "Count": -2,
        "Total": 100_000,
        "Ratio": -2.5,
        "Name": "ab",
        "Odd": 99,
        "Names": ("xyz", ""),
        "Start": "1993-12-25T08:12:34.567",
        "Day": "1992-01-01",
        "Shift": "23:59:59.999",
        "Delay": -1500,
        "Ramp": 127_000,
        "Ptr": b"\x00\x05\x84\x00\x00\x10",
        "Anyone": b"\x10\x02" + bytes(8),
        "Parts": 9,
        "Limits/Low": -32768,
        "Limits/On": True,
        "Drive/Speed": 15.0,
        "Last": True,
    }
    assert {name: values[name] for name in expected} == expected
    assert found["db/5/Ramp"] == Item(
        "db/5/Ramp",
        "parameter",
        "TIME",
        127_000,
        "setting",
        "read-write",
        "ms",
        address="db5.dbw64",
    )
    assert found["db/5/Alarm"].address == "db5.dbx0.1"
    assert found["db/5/Station"].address == "db5.dbb1"
    assert found["db/5/Total"].address == "db5.dbd18"
    assert found["db/5/Name"].address == "db5.dbx26.0 byte 7"
    assert found["db/5/Matrix"].address == "db5.dbx8.0 byte 2"


def test_what_is_no_value_is_kept_as_its_bytes() -> None:
    body = body_of_db5()
    body[27] = 6  # Name says 6 of 5 characters
    body[41] = 9  # so does the second of Names
    body[47] = 0x13  # month 13
    body[64] = 0x2F
    found = items(sample("mixer.awl").layout(5), body)
    assert (found["db/5/Name"].type, found["db/5/Name"].value) == ("BYTES", b"\x05\x06ab???")
    assert found["db/5/Name"].label == "kept as bytes: not a valid STRING[5]"
    assert found["db/5/Names"].type == "ARRAY[2] OF BYTES"
    assert found["db/5/Names"].value == (b"\x03\x03xyz", b"\x03\x09\x00\x00\x00")
    assert found["db/5/Start"].type == "BYTES"
    assert found["db/5/Ramp"].value == b"\x2f\x27"
    assert found["db/5/Ramp"].unit == ""


@pytest.mark.parametrize(
    ("files", "number"),
    [(("mixer.awl",), 5), (("Mixer.db", "Recipe.udt"), 9), (("DB7_Band.csv",), 7)],
)
@pytest.mark.parametrize("filling", [0x00, 0x01, 0x5A, 0xFF])
def test_a_snapshot_takes_every_leaf_and_gives_the_bytes_again(
    files: tuple[str, ...], number: int, filling: int
) -> None:
    layout = sample(*files).layout(number)
    body = bytes((filling,)) * layout.size
    found = layout.leaves("db/1", body)
    Snapshot.of("d", "s7", Identity(), found)  # raises for a value that its type cannot hold
    again = bytearray(body)
    for item in found:
        layout.encode(item.path.removeprefix("db/1/"), item.value, again)
    assert again == body


def test_a_write_touches_its_leaf_alone() -> None:
    layout = sample("mixer.awl").layout(5)
    body = body_of_db5()
    before = bytes(body)
    leaf = layout.encode("Names", ("", "pq"), body)
    assert (leaf.offset, leaf.size) == (34, 11)
    assert body[34:46] == b"\x03\x00xyz\x00\x03\x02pq\x00\x00"
    assert body[:34] == before[:34]
    assert body[46:] == before[46:]
    leaf = layout.encode("Spare", True, body)
    assert (leaf.offset, leaf.bit, leaf.size) == (6, 0, 1)
    assert body[6] == 1


def test_a_type_repeated_by_two_exports_is_one_type(tmp_path: Path) -> None:
    copy = tmp_path / "again.udt"
    copy.write_bytes((SAMPLES / "Recipe.udt").read_bytes().replace(b"at the outlet", b"outlet"))
    both = sample("Recipe.udt", "Plant.db") | load(copy)
    assert both.layout(3).size == 40
    assert both.titles == ["Plant"]
