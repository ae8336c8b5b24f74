"""Layout files with mistakes, and such as were made to do harm."""

from __future__ import annotations

import random
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from goldcopy.errors import Wrong
from goldcopy_s7.layout import Layouts, load, source, table
from goldcopy_s7.layout import text as text_form

SAMPLES = Path(__file__).parent.parent / "vectors" / "s7_layout"


def db(members: str, head: str = "DATA_BLOCK DB 1\n") -> str:
    return f"{head}STRUCT\n{members}\nEND_STRUCT;\nBEGIN\nEND_DATA_BLOCK\n"


def refused(text: str, form: str = "x.awl", number: int = 1) -> str:
    """What is said of a file with this text."""
    parser = table if form.endswith("csv") else source
    with pytest.raises(Wrong) as caught:
        Layouts(parser.parse(text, form)).layout(number)
    message = str(caught.value)
    assert "\n" not in message
    return message


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        (db("a : INT"), 4, "; after the declaration"),
        (db("a INT ;"), 3, ": after the name"),
        (db("a : ;"), 3, "a data type"),
        (db("a : INT := 5"), 4, "; after the initial value"),
        (db("5 : INT ;"), 3, "the name of a member, or END_STRUCT"),
        (db('"" : INT ;'), 3, "the name of a member, or END_STRUCT"),
        (db("a : INT ;\nb : BOOL ;\nA : INT ;"), 5, "A is declared twice, first in line 3"),
        (db("a : Motor ;"), 3, "no type motor is declared"),
        (db('a : INT ;\nb : "Motor" ;'), 4, "give the file with its TYPE as well"),
        (db("a : UDT 10 ;"), 3, "no type udt 10"),
        (db("a : ARRAY [5 .. 1 ] OF INT ;"), 3, "cannot run from 5 to 1"),
        (db("a : ARRAY [0 .. 99999999999 ] OF INT ;"), 3, "a number for the highest index"),
        (db('a : ARRAY [0 .. "MAX" ] OF INT ;'), 3, "a number for the highest index"),
        (db("a : ARRAY [1, 2] OF INT ;"), 3, ".. after the lowest index"),
        (db("a : ARRAY [0 .. 1 ] INT ;"), 3, "OF after the indexes"),
        (db(f"a : ARRAY [{'0..1,' * 6}0..1] OF INT ;"), 3, "more than 6 dimensions"),
        (db("a : ARRAY [0..1] OF ARRAY [0..1] OF INT ;"), 3, "arrays of arrays have"),
        (db("a : STRING [0 ];"), 3, "its length is from 1 to 254"),
        (db("a : STRING [255 ];"), 3, "its length is from 1 to 254"),
        (db("a : WSTRING[16383];"), 3, "its length is from 1 to 16382"),
        (db("a : STRUCT\nEND_STRUCT ;"), 3, "a structure without members"),
        (db(""), 2, "a structure without members"),
        (db("a : INT ; (* never closed"), 3, "not closed; end it by *)"),
        (db("a : CHAR := 'x ;"), 3, "its line does not close"),
        (db('"a : INT ;'), 3, "its line does not close"),
        (db("a : INT ;").replace("END_DATA_BLOCK", ""), 1, "DB 1 has no end"),
        (db("a : INT ;").replace("END_STRUCT;\n", ""), 4, "the name of a member"),
        ("DATA_BLOCK DB 1\nBEGIN\nEND_DATA_BLOCK", 2, "STRUCT, VAR or the name of a type"),
        ("DATA_BLOCK 5\nSTRUCT", 1, "a name, as"),
        ("DATA_BLOCK DB 1\nINT\nBEGIN\nEND_DATA_BLOCK", 1, "elementary type"),
        ("DATA_BLOCK DB 1\nFB 7\nBEGIN\nEND_DATA_BLOCK", 2, "instance DB of a function block"),
        ("DATA_BLOCK DB 1\nVAR\na : INT ;\nEND_VAR\nVAR\n", 5, "a standard DB has no second"),
        ("TYPE UDT 1\nINT ;\nEND_TYPE", 2, "STRUCT after the head of a TYPE"),
        ("FUNCTION FC 1 : VOID\nBEGIN\n", 1, "END_FUNCTION ends it"),
        ("hello", 1, "DATA_BLOCK or TYPE"),
        (
            db("a : INT ;", "DATA_BLOCK \"X\"\n{ S7_Optimized_Access := 'TRUE' }\n"),
            2,
            "optimized block access",
        ),
        ('DATA_BLOCK "X"\n{ S7_m_c := ', 2, "} after the attributes"),
    ],
)
def test_a_mistake_in_a_source_is_told_by_its_line(text: str, line: int, said: str) -> None:
    message = refused(text)
    assert message.startswith(f"x.awl:{line}: "), message
    assert said in message


HEAD = "Name;Data type;Offset\n"


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("a;b;c\n1;2;3\n", 1, "the first row has Name and Data type"),
        ("", 1, "no headings"),
        (HEAD, 1, "no row"),
        (HEAD + "a;Int;0.0\nb;Int;4.0\n", 3, "b is at 4.0 by the table, but at 2.0 by its types"),
        (HEAD + "a;Bool;0.0\nb;Bool;0.2\n", 3, "b is at 0.2 by the table, but at 0.1"),
        (HEAD + "\na;Byte;0.0\n\nb;Int;1.0\n", 5, "b is at 1.0 by the table, but at 2.0"),
        (HEAD + 'a;Byte;0\nb;"Array[0..1] of Bool";2\nb[1];Bool;2.2\n', 4, "but at 2.1"),
        (HEAD + "a;Int;zero\n", 2, "the offset 'zero' cannot be read"),
        (HEAD + "a;Int;0.8\n", 2, "the offset '0.8' cannot be read"),
        (HEAD + "a;;0.0\n", 2, "no data type"),
        (HEAD + "a;Struct;0.0\nx;Int;0.0\n", 2, "a structure without members"),
        (HEAD + "a;Int 5;0.0\n", 2, "nothing more behind the type"),
        (HEAD + "a;Int;0.0\na;Int;2.0\n", 3, "a is there twice, first in line 2"),
        (HEAD + "a;Int;0.0\na.b;Int;0.0\n", 2, "INT has no members"),
        (HEAD + "a[1];Int;0\na[3];Int;4\n", 2, "a lacks some of its elements"),
        (HEAD + "a[1];Int;0\na[1,2];Int;2\n", 2, "a lacks some of its elements"),
        (HEAD + "a[0];Int;0\na[2147483647];Int;2\n", 2, "a lacks some of its elements"),
        (HEAD + "a[1];Int;0\na[2];Word;2\n", 3, "elements of two types"),
        (HEAD + "a;Array[1..2] of Int;0\na[3];Int;4\n", 3, "a has no such element"),
        (HEAD + "a;Array[1..2] of Struct;0\n", 2, "an array of nothing"),
        (HEAD + "a[1][2];Int;0\n", 2, "an array of nothing"),
        (HEAD + "a[1];Int;0\na.b;Int;0\n", 2, "both members and elements"),
        (HEAD + "a..b;Int;0\n", 2, "the name 'a..b' cannot be read"),
        (HEAD + "a.;Int;0\n", 2, "the name 'a.' cannot be read"),
        (HEAD + "a[1;Int;0\n", 2, "the name 'a[1' cannot be read"),
        (HEAD + "a[1]b;Int;0\n", 2, "the name 'a[1]b' cannot be read"),
        (HEAD + "a. .b;Int;0\n", 2, "the name 'a. .b' cannot be read"),
        (HEAD + "[1];Int;0\n", 2, "the name '[1]' cannot be read"),
        (HEAD + "a[x];Int;0\n", 2, "the name 'a[x]' cannot be read"),
        (HEAD + "a[99999999999];Int;0\n", 2, "cannot be read"),
        (HEAD + ".".join("a" * 40) + ";Int;0\n", 2, "S7 allows 8"),
        (HEAD + "a;Int;+0.0\n", 2, "but no END_STRUCT"),
        (HEAD + "a;Int;DB1.DBW0\nb;Int;DB2.DBW2\n", 3, "DB2 among those of DB1"),
        (HEAD + 'a;"Int\n', 2, "the row cannot be read"),
        (HEAD + ";STRUCT;0.0\na;INT;+2.0\n;END_STRUCT;=2.0\n", 3, "a is at 2.0 by the table"),
        (HEAD + ";STRUCT;0.0\na;INT;+0.0\n;END_STRUCT;=4.0\n", 4, "the DB ends at 4.0 by"),
        (HEAD + "s;STRUCT;0.0\na;INT;+0.0\n;END_STRUCT;=4.0\n", 4, "s ends at 4.0 by"),
        (HEAD + "a;INT;0.0\n;END_STRUCT;\n", 3, "END_STRUCT without its STRUCT"),
        (HEAD + ";STRUCT;\ns;STRUCT;\na;INT;\n;END_STRUCT;\n", 5, "structure is not closed"),
        (HEAD + ";STRUCT;\na;INT;\n;END_STRUCT;\nb;INT;\n", 5, "behind the last END_STRUCT"),
        (HEAD + ";STRUCT;\n;INT;\n;END_STRUCT;\n", 3, "a member without a name"),
        (HEAD + ";STRUCT;\na;ARRAY[1..2];\nb;INT;\n;END_STRUCT;\n", 3, "an array of nothing"),
        (HEAD + ";STRUCT;\n;END_STRUCT;\n", 3, "a structure without members"),
    ],
)
def test_a_mistake_in_a_table_is_told_by_its_line(text: str, line: int, said: str) -> None:
    message = refused(text, "DB1.csv")
    assert message.startswith(f"DB1.csv:{line}: "), message
    assert said in message


def test_a_layout_that_does_not_fit_gives_no_leaf() -> None:
    layout = load(SAMPLES / "mixer.awl").layout(5)
    for size in (0, 146, 147, 150):
        with pytest.raises(Wrong, match=f"layout DB 5 says 148 bytes, DB5 has {size}; export"):
            layout.leaves("db/5", bytes(size))
        with pytest.raises(Wrong, match="148 bytes"):
            layout.encode("Ready", True, bytearray(size))
    with pytest.raises(Wrong, match="DB5 has no Speed"):
        layout.encode("Speed", 1.0, bytearray(148))


def test_a_db_that_no_file_declares(tmp_path: Path) -> None:
    mixer = load(SAMPLES / "mixer.awl")
    with pytest.raises(Wrong, match="no layout for DB9 ''; the files given declare DB 5, DB 6"):
        mixer.layout(9)
    with pytest.raises(Wrong, match="no layout for DB5 'Motor'"):
        mixer.layout(5, "Motor")
    with pytest.raises(Wrong, match="declare no DATA_BLOCK"):
        load(SAMPLES / "Recipe.udt").layout(5)
    with pytest.raises(Wrong, match=r"Plant\.db:4: no type recipe is declared"):
        load(SAMPLES / "Plant.db").layout(5)
    one = tmp_path / "one.awl"
    one.write_text(db("a : INT ;"))
    with pytest.raises(Wrong, match="no layout for DB2"):
        load(one).layout(2)  # the only DB of the file, but another one


def test_two_files_that_contradict_one_another(tmp_path: Path) -> None:
    other = tmp_path / "other.udt"
    other.write_text('TYPE "RECIPE"\nVERSION : 0.1\nSTRUCT\na : INT ;\nEND_STRUCT ;\nEND_TYPE\n')
    with pytest.raises(Wrong, match=r"other\.udt:1: TYPE RECIPE is declared otherwise in .*Recipe"):
        load(SAMPLES / "Recipe.udt", other)


def test_members_whose_paths_are_one() -> None:
    text = db('"a[1]" : INT ;\na : ARRAY [1..2] OF STRUCT\nx : INT ;\nEND_STRUCT ;')
    assert "two members at a[1]" in refused(text)


@pytest.mark.parametrize(
    ("name", "raw", "said"),
    [
        ("x.xlsx", b"PK", "no layout ends in '.xlsx'; use .awl"),
        ("x.awl", b"", "declares no DATA_BLOCK"),
        ("x.awl", b"// nothing\r\n", "declares no DATA_BLOCK"),
        ("x.awl", b"abc \x81\xff\x00", "neither UTF-8, UTF-16 nor Windows-1252"),
        ("x.awl", b"DATA_BLOCK \x00\x00\x00", "NUL"),
        ("x.awl", b"\xff\xfea\x00\x00\xd8", "neither UTF-8"),
        ("x.awl", b"\xef\xbb\xbf\xff", "neither UTF-8"),
    ],
)
def test_files_that_are_no_layout(name: str, raw: bytes, said: str, tmp_path: Path) -> None:
    path = tmp_path / name
    path.write_bytes(raw)
    with pytest.raises(Wrong, match=re.escape(said)):
        load(path)


def test_files_that_cannot_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(Wrong, match=r"none\.awl: cannot be read \(No such file"):
        load(tmp_path / "none.awl")
    (tmp_path / "folder.awl").mkdir()
    with pytest.raises(Wrong, match="cannot be read"):
        load(tmp_path / "folder.awl")
    monkeypatch.setattr(text_form, "MAX_BYTES", 100)
    with pytest.raises(Wrong, match="more than 100 bytes"):
        load(SAMPLES / "mixer.awl")


def udts(count: int, member: str) -> str:
    """A chain of types, each with two of the next."""
    text = "".join(
        f"TYPE UDT {n}\nSTRUCT\na : UDT {n + 1} ;\nb : UDT {n + 1} ;\nEND_STRUCT\nEND_TYPE\n"
        for n in range(1, count)
    )
    return text + f"TYPE UDT {count}\nSTRUCT\n{member}\nEND_STRUCT\nEND_TYPE\n"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (db("a : UDT 1 ;") + udts(1, "a : UDT 1 ;"), r"holds itself \(udt 1 > udt 1\)"),
        (
            db("a : UDT 1 ;") + udts(3, "a : ARRAY [1..2] OF UDT 1 ;"),
            r"holds itself \(udt 1 > udt 2 > udt 3 > udt 1\)",
        ),
        (db("a : UDT 1 ;") + udts(14, "a : ARRAY [0 .. 9] OF WORD ;"), "a standard DB has 65536"),
        (
            db("a : UDT 1 ;") + udts(12, "a : ARRAY [0..0] OF STRUCT x:BOOL;y:BOOL; END_STRUCT;"),
            None,
        ),
        (db("a : UDT 1 ;") + udts(60, "a : BOOL ;"), "S7 allows 8"),
        (db("a : UDT 1 ;") + udts(5000, "a : BOOL ;"), "S7 allows 8"),
        (  # as deep as may be, and once more a level below
            db("a : UDT 1 ;\ns : STRUCT b : UDT 1 ; END_STRUCT ;") + udts(15, "a : BOOL ;"),
            "S7 allows 8",
        ),
        (
            db("s : STRUCT a : UDT 2 ; b : UDT 1 ; END_STRUCT ;") + udts(16, "a : BOOL ;"),
            "S7 allows",
        ),
        (db("a : STRUCT " * 2000), "S7 allows 8"),
        (db("a : ARRAY [0 .. 2147483647 ] OF BOOL ;"), "would end at byte"),
        (db("a : ARRAY [-2147483648 .. 2147483647 ] OF STRING ;"), "would end at byte"),
        (db("a:ARRAY[0..2147483647,0..2147483647,0..2147483647] OF ANY;"), "would end at byte"),
        (db("a : ARRAY [0 .. 32768 ] OF INT ;"), "would end at byte"),
        (
            db("a : ARRAY [0 .. 32767 ] OF STRUCT a,b,c,d,e,f,g,h : BOOL ; END_STRUCT ;"),
            "more than 100000 are not taken",
        ),
    ],
)
def test_declarations_that_would_take_all_memory(text: str, said: str | None) -> None:
    if said is None:
        assert Layouts(source.parse(text, "x.awl")).layout(1).size == 2**12
    else:
        assert re.search(said, refused(text))


def test_offsets_without_a_sign_count_from_the_start() -> None:
    rows = ";STRUCT;\na;INT;0.0\ns;STRUCT;2.0\nb;INT;{}\n;END_STRUCT;\n;END_STRUCT;=4.0\n"
    found = Layouts(table.parse(HEAD + rows.format("2.0"), "DB1.csv")).layout(1)
    assert found.by_name["s/b"].offset == 2
    message = refused(HEAD + rows.format("0.0"), "DB1.csv")
    assert "s/b is at 0.0 by the table, but at 2.0" in message


def test_a_table_nested_too_deep() -> None:
    rows = "".join("s;STRUCT;\n" for _ in range(2000))
    assert "S7 allows 8" in refused(HEAD + rows + "a;INT;\n;END_STRUCT;\n", "DB1.csv")


@pytest.mark.parametrize("name", ["mixer.awl", "Mixer.db", "DB7_Band.csv", "view.txt", "tags.csv"])
@given(st.randoms(use_true_random=False))
def test_a_damaged_file_is_refused_or_read(name: str, chance: random.Random) -> None:
    """Pieces cut, doubled and moved: a layout or ``Wrong``, and nothing else."""
    whole = text_form.read(SAMPLES / name)
    parser = source if name.endswith(("awl", "db")) else table
    text = whole
    for _ in range(chance.randint(1, 4)):
        at, end = sorted(chance.randrange(len(text) + 1) for _ in range(2))
        end = min(end, at + chance.choice([1, 3, 40, 400]))
        text = chance.choice(
            [
                text[:at] + text[end:],
                text[:at] + text[at:end] * 2 + text[end:],
                text[:at] + chance.choice("'\";:[](){}.,/*%~\0\n\tÄ5") + text[at:],
            ]
        )
    try:
        layouts = Layouts(parser.parse(text, name))
        for number, title in ((5, ""), (6, ""), (7, ""), *((1, title) for title in layouts.titles)):
            layout = layouts.layout(number, title)
            layout.leaves("db/1", bytes(layout.size))
    except Wrong:
        pass
