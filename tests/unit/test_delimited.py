"""Delimited text against what a careful person reads: nothing is swallowed, and what is unclear is rejected by name."""

from __future__ import annotations

import bz2
import codecs
import csv
import gzip
import io
import lzma
import unicodedata
import zipfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestration.connectors import mend, stretches
from orchestration.connectors.base import Part
from orchestration.connectors.dialect import Dialect
from orchestration.connectors.mend import Mended
from orchestration.connectors.scan import Expected, Stretch, packed, scan, within_quotes
from orchestration.platform.errors import RegularsError
from tests.support.systems import Taken, connector_of, take

HEADER = "order_id,customer_id,ordered_at,product,total"


def read(folder: Path, content: bytes | str, name: str = "t.csv", **format_: Any) -> Taken:
    """A table of one file."""
    (folder / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    return take(connector_of({"kind": "csv", "path": str(folder), **format_}))


def reasons(taken: Taken) -> list[tuple[int, str]]:
    return [(r["_source_row"], r["reason_code"]) for r in taken.rejected]


def order_lines(products: dict[int, str], count: int = 30) -> list[str]:
    """Lines of orders; some have a product of their own, and order i costs i euros."""
    return [f"A{i},K{i % 7},2024-03-{1 + i % 28:02d} 09:00:00,{products.get(i, f'Box {i}')},{i}.00"
            for i in range(1, count + 1)]  # fmt: skip


# Quotes that are no quotes ------------------------------------------------------------------------


@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("packed_", [False, True])
def test_an_opening_quote_swallows_no_line(tmp_path: Path, line_end: str, packed_: bool) -> None:
    """Read to the letter, lines 5 to 19 would be one product; 30 orders make 465 euros."""
    text = line_end.join([HEADER, *order_lines({5: '"Rug red', 20: 'Shelf 30"'}), ""]).encode()
    taken = (
        read(tmp_path, gzip.compress(text), "t.csv.gz") if packed_ else read(tmp_path, text)
    )  # fmt: skip
    assert sum(float(row[4]) for row in taken.rows) == 465
    assert [row[3] for row in taken.rows][3:6] == ["Box 4", '"Rug red', "Box 6"]
    assert (len(taken.rows), taken.rows[19][3], taken.rejected) == (30, 'Shelf 30"', [])


def test_an_opening_quote_that_nothing_closes_costs_its_line_at_most(tmp_path: Path) -> None:
    taken = read(tmp_path, "\n".join([HEADER, *order_lines({8: '"Rug'})]))
    assert (len(taken.rows), taken.rows[7][3], reasons(taken)) == (30, '"Rug', [])
    # The line holds a comma too many as well: nobody can say where its cells end.
    taken = read(tmp_path, "\n".join([HEADER, *order_lines({8: '"Rug, red'})]))
    assert (len(taken.rows), reasons(taken)) == (29, [(9, "broken_quotes")])
    # The last line: the file may be cut off there.
    taken = read(tmp_path, "\n".join([HEADER, *order_lines({30: '"Rug'})]))
    assert (len(taken.rows), reasons(taken)) == (29, [(31, "broken_quotes")])


def test_tab_separated_listings_use_quotes_as_inches(tmp_path: Path) -> None:
    names = ['"Classic" oak shelf', 'Pipe 5"', '"Retro" lamp, small', '1/2" x 3/4" joint', '"Duo" 12" "pro" rack']
    lines = ["sku\tname\tprice", *(f"S-{i}\t{name}\t{i}.50" for i, name in enumerate(names * 4))]
    connector = connector_of({"kind": "csv", "path": str(tmp_path), "delimiter": "tab"})
    (tmp_path / "t.txt").write_text("\n".join(lines))
    taken = take(connector)
    assert [row[1] for row in taken.rows] == names * 4
    assert connector.notes("t") == [
        f"{tmp_path}/t.txt: quotes that quote nothing are read as characters: 12 records"
    ]  # fmt: skip


def test_quotes_at_both_ends_with_others_between_are_rejected(tmp_path: Path) -> None:
    taken = read(tmp_path, 'id,name\n1,"the "big" one"\n2,"x"\n3,"a "b" c",d\n')
    assert (taken.rows, reasons(taken)) == ([("2", "x")], [(2, "broken_quotes"), (4, "broken_quotes")])


def test_text_of_several_lines_stays_one_cell(tmp_path: Path) -> None:
    """Comments with commas, also as many as a record has; addresses; a list of amounts."""
    notes = ["first\nsecond", "Dear all,\nthank you, truly,\r\nbye", "a, b\nc, d, e", "12 High St,\nFlat 3", "\n"]
    notes += ["ok", "fine", "late", ""]
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerows([("id", "note", "total"), *((f"N{i}", note, f"{i}.00") for i, note in enumerate(notes * 3))])
    taken = read(tmp_path, text.getvalue())
    assert ([row[1] or "" for row in taken.rows], taken.rejected) == (notes * 3, [])


def test_where_nothing_tells_text_from_records_the_lines_are_rejected(tmp_path: Path) -> None:
    """Two columns of words: 'x,"b / c,d"' is one record or two. In a file that quotes every cell it is one."""
    taken = read(tmp_path, 'name,town\nann,rome\nx,"b\nc,d"\nbo,ulm\n')
    assert (taken.rows, reasons(taken)) == (
        [("ann", "rome"), ("bo", "ulm")], [(3, "quotes_over_lines"), (4, "quotes_over_lines")],
    )  # fmt: skip
    taken = read(tmp_path, '"name","town"\n"ann","rome"\n"x","b\nc,d"\n"bo","ulm"\n')
    assert (taken.rows[1], taken.rejected) == (("x", "b\nc,d"), [])


def test_backslashes_before_quotes_cost_no_other_line(tmp_path: Path) -> None:
    text = 'id,note,total\nB1,"so \\"called\\", yes",1\nB2,"7\\"",2\nB3,"C:\\dir\\",3\nB4,x,4\n'
    taken = read(tmp_path, text)
    assert [row[1] for row in taken.rows] == ['so "called", yes', '7"', "C:\\dir\\", "x"]
    declared = read(tmp_path, text.replace('dir\\"', 'dir\\\\"').replace("C:\\d", "C:\\\\d"), escape="\\")
    assert declared.rows == taken.rows


def test_digits_written_as_a_formula(tmp_path: Path) -> None:
    taken = read(tmp_path, 'id,zip,f\n="007",="01067",=1+1\n"=""008""","=""04109""","=HYPERLINK(""a"")"\n')
    assert taken.rows == [("007", "01067", "=1+1"), ("008", "04109", '=HYPERLINK("a")')]


def test_blanks_around_quotes_are_passed_over(tmp_path: Path) -> None:
    assert read(tmp_path, 'id,name\n1, "Smith, J." \n2, b" c\n').rows == [("1", "Smith, J."), ("2", ' b" c')]


# Lines, marks, and what stands above the header ------------------------------------------------------


@pytest.mark.parametrize(
    "ends", [("\r\n", "\n"), ("\n", "\r\n"), ("\n", "\r"), ("\r", "\n"), ("\r\n", "\r", "\n"), ("\r",)]
)
def test_line_ends_may_change_within_a_file(
    tmp_path: Path, ends: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    """In the middle of a file of several stretches, and in every line."""
    for module in (mend, stretches):
        monkeypatch.setattr(module, "STRETCH", 5_000)
    rows = [(f"M{i}", f'say "{i}"\nthen, go', str(i)) for i in range(900)]
    for block in (300, 1):
        text = "id,note,total" + ends[0]
        for i, (one, note, total) in enumerate(rows):
            quoted = note.replace('"', '""')
            text += f'{one},"{quoted}",{total}' + ends[i // block % len(ends)]
        taken = read(tmp_path, text)
        assert (taken.rows, taken.rejected) == (rows, [])


@pytest.mark.parametrize("skip", [0, 3])
def test_titles_and_headers_with_line_breaks(tmp_path: Path, skip: int) -> None:
    """`skip` counts lines as an editor does; a header's line break is a blank."""
    title = '"Sales\r\nof May",,\r\n,,\r\n' if skip else ""
    taken = read(tmp_path, title + '"Order\r\nno","Net\namount",x\r\nA,1,"a\nb"\r\nB,2,c\r\n', skip=skip)
    assert (taken.columns, taken.rows) == (["Order no", "Net amount", "x"], [("A", "1", "a\nb"), ("B", "2", "c")])


def test_a_header_that_cannot_be_read_says_where(tmp_path: Path) -> None:
    with pytest.raises(RegularsError, match=r"line 2 should be the header and holds no name.*Set format\.skip"):
        read(tmp_path, "Report,,\n,,\na,b,c\n1,2,3\n", skip=1)
    with pytest.raises(RegularsError, match="a quote in line 1 is closed 2 lines below, across whole rows"):
        read(tmp_path, 'a,"b,c\n1,2,3\n1,2",3\n', delimiter=",")
    with pytest.raises(RegularsError, match="line 1 holds a quote that is not closed"):
        read(tmp_path, 'a,"b,c\n1,2,3\n', delimiter=",")


@pytest.mark.parametrize("mark", [";", "\t", "|", ","])
def test_a_declared_separator_is_no_row(tmp_path: Path, mark: str) -> None:
    for first in (f"sep={mark}\r\n", f'"SEP={mark}"\r\n'):
        taken = read(tmp_path, codecs.BOM_UTF8 + first.encode() + f"id{mark}note\r\n1{mark}2.5\r\n".encode())
        assert (taken.columns, taken.rows) == (["id", "note"], [("1", "2.5")])
    assert read(tmp_path, f"sep={mark}\nReport\nid{mark}x\n1{mark}2\n", skip=2).rows == [("1", "2")]


def test_blank_lines_anywhere_are_no_records(tmp_path: Path) -> None:
    taken = read(tmp_path, "\r\n\r\nid,name\r\n1,a\r\n\r\n2\r\n\r\n3,c\r\n\r\n")
    assert (taken.rows, [r[1] for r in reasons(taken)]) == ([("1", "a"), ("3", "c")], ["too_few_columns"])
    assert read(tmp_path, '\nid\n7\n\n8\n""\n').rows == [("7",), ("8",), (None,)]


def test_joined_files_leave_marks_and_headers(tmp_path: Path) -> None:
    mark = codecs.BOM_UTF8
    part = b'"id","name"\n"1","a"\n'
    taken = read(tmp_path, mark + mark + part + mark + part + b"id,name\n2,b\n" + mark + b"3,c\n")
    assert taken.columns == ["id", "name"]
    assert taken.rows == [("1", "a"), ("1", "a"), ("2", "b"), ("3", "c")]
    assert reasons(taken) == [(3, "repeated_header"), (5, "repeated_header")]


def test_a_value_that_begins_as_the_header_does_is_a_row(tmp_path: Path) -> None:
    assert len(read(tmp_path, "id,name\nid,other\nid7,name\nid,name,x\n").rows) == 2


def test_delimiters_at_the_end_of_every_line(tmp_path: Path) -> None:
    assert read(tmp_path, 'id,name\n1,a,\n2,"b, c",\n3,,\n').rows == [("1", "a"), ("2", "b, c"), ("3", None)]
    taken = read(tmp_path, "id,name,\n1,a\n2,b\n")
    assert (taken.columns, taken.rows) == (["id", "name"], [("1", "a"), ("2", "b")])


def test_an_end_of_file_character_is_no_row_and_a_nul_is_refused(tmp_path: Path) -> None:
    assert read(tmp_path, "id,name\r\n1,a\r\n\x1a").rows == [("1", "a")]
    taken = read(tmp_path, "id,name\n1,a\n2,b\0c\n3,\x1ad\n")
    assert (taken.rows, reasons(taken)) == ([("1", "a"), ("3", "\x1ad")], [(3, "nul_character")])
    assert taken.rejected[0]["raw_record"] == "2,b\N{SYMBOL FOR NULL}c"


def test_a_comment_mark_within_a_line_cuts_nothing_off(tmp_path: Path) -> None:
    assert read(tmp_path, 'id,flat\n# "draft\n1,Flat #5\n', comment="#").rows == [("1", "Flat #5")]


@pytest.mark.parametrize(
    ("content", "rows"),
    [
        ("1,a,x\n2,b,y\n", [("1", "a", "x"), ("2", "b", "y")]),
        ("ID,U ,v\n2,b,y\n", [("2", "b", "y")]),
        ("nr,kind,date\n2,b,2024-01-01\n3,c,2024-01-02\n", [("2", "b", "2024-01-01"), ("3", "c", "2024-01-02")]),
        ("ann,,x\nbob,c,y\n", [("ann", None, "x"), ("bob", "c", "y")]),
    ],
)
def test_declared_columns_with_and_without_a_header(
    tmp_path: Path, content: str, rows: list[tuple[str | None, ...]]
) -> None:
    taken = read(tmp_path, content, columns=["id", "u", "v"])
    assert (taken.columns, taken.rows) == (["id", "u", "v"], rows)


def test_declared_columns_over_words_alone_have_to_be_said(tmp_path: Path) -> None:
    text = "ann,rome,red\nbob,ulm,blue\n"
    with pytest.raises(RegularsError, match=r"\(ann, rome, red\) is a header or a row.*Set format\.header"):
        read(tmp_path, text, columns=["id", "u", "v"])
    assert len(read(tmp_path, text, columns=["id", "u", "v"], header=False).rows) == 2
    assert len(read(tmp_path, text, columns=["id", "u", "v"], header=True).rows) == 1


def test_empty_files_among_others_are_left_out(tmp_path: Path) -> None:
    for day, content in enumerate((b"id,v\n1,a\n", b"", codecs.BOM_UTF8 + b"\r\n", b"id,v\n2,b\n")):
        (tmp_path / f"day_{day}.csv").write_bytes(content)
    connector = connector_of({"kind": "csv", "path": str(tmp_path)}, {"t": {"path": "day_*.csv"}})
    assert sorted(take(connector).rows) == [("1", "a"), ("2", "b")]
    assert connector.notes("t") == [f"{tmp_path}/day_{day}.csv is empty and is left out" for day in (1, 2)]
    only = Part(files=(f"{tmp_path}/day_1.csv",))
    assert (take(connector, part=only).rows, connector.count("t", only)) == ([], 0)


@pytest.mark.parametrize("litter", ["__MACOSX/._t.csv", "._t.csv", ".DS_Store", "Thumbs.db"])
def test_what_the_system_packs_beside_a_file_is_passed_over(tmp_path: Path, litter: str) -> None:
    with zipfile.ZipFile(tmp_path / "t.csv.zip", "w") as archive:
        archive.writestr(litter, b"\x00\x05\x16\x07")
        archive.writestr("export/t.csv", "id,v\n1,a\n")
    assert take(connector_of({"kind": "csv", "path": str(tmp_path)})).rows == [("1", "a")]
    with zipfile.ZipFile(tmp_path / "t.csv.zip", "a") as archive:
        archive.writestr("u.csv", "id,v\n1,a\n")
    with pytest.raises(RegularsError, match="holds 2 files"):
        take(connector_of({"kind": "csv", "path": str(tmp_path)}))


# Encodings ---------------------------------------------------------------------------------------

PLAIN = "".join(f"P{i};Plain Name {i};Bonn\n" for i in range(8_000))  # 180 KB without an accent
NAMES = "A1;Zoë Brontë;Genève\nA2;Łukasz;x\nA3;Jörg Weiß;Düsseldorf\nA4;Muñoz;Cádiz\n"
UNSURE = {("cp850", "1|Jörg|Köln\n"), ("mac_roman", "1|Jörg|Köln\n")}
SHORT = ["1|Chloé|Orléans\n2|René|Nîmes\n", "1|Jörg|Köln\n", "1|Ibáñez|León\n2|Núñez|Ávila\n", "1|Åse|Tromsø\n"]


@pytest.mark.parametrize("encoding", ["cp1252", "mac_roman", "cp850"])
def test_a_first_accent_late_in_the_file(tmp_path: Path, encoding: str) -> None:
    names = NAMES.replace("Łukasz", "Lukas")
    taken = read(tmp_path, ("id;name;city\n" + PLAIN * 8 + names).encode(encoding))
    assert taken.rows[-4:] == [tuple(line.split(";")) for line in names.splitlines()]
    assert (len(taken.rows), taken.rejected) == (64_004, [])


@pytest.mark.parametrize("text", SHORT)
@pytest.mark.parametrize("encoding", ["cp1252", "mac_roman", "cp850"])
def test_few_accents_are_read_rightly_or_not_at_all(tmp_path: Path, text: str, encoding: str) -> None:
    """Two accents may be those of two old code pages; the Western one of today is always told."""
    content, rows = ("id|name|city\n" + text).encode(encoding), [tuple(line.split("|")) for line in text.splitlines()]
    if (encoding, text) in UNSURE:
        with pytest.raises(RegularsError, match="its encoding cannot be told"):
            read(tmp_path, content)
        assert read(tmp_path, content, encoding=encoding).rows == rows
    else:
        assert read(tmp_path, content).rows == rows


@pytest.mark.parametrize(
    ("names", "encoding"),
    [
        ("Kęstutis, Ülle Mägi", "cp1257"), ("Kęstutis, Žemaitė, Ülle Mägi", "cp1257"), ("Ülle Mägi, Ąžuolas", "cp775"),
        ("Łódź, Kraków", "iso8859_2"), ("Łódź, Škoda", "cp1250"), ("Żółw", "cp852"), ("Škoda", "cp852"),
        ("Çağlar", "cp857"), ("Ayşe, Çağlar", "cp857"), ("Zoë", "mac_roman"), ("Đà Nẵng", "cp1258"), ("Huế", "cp1258"),
        ("Győr, Őrség", "cp1250"), ("Ľubica, Ďuriš", "cp1250"), ("Žilvinas, Rūta", "cp775"), ("Đức, Hồng", "cp1258"),
    ],
)  # fmt: skip
def test_a_few_names_of_other_countries_are_read_rightly_or_asked_of(tmp_path: Path, names: str, encoding: str) -> None:
    own = [name.strip() for name in names.split(",")]
    spelled = [vietnamese(name) if encoding == "cp1258" else name for name in own]
    content = ("id;name\n" + "".join(f"{i};{name}\n" for i, name in enumerate(spelled))).encode(encoding)
    assert [row[1] for row in read(tmp_path, content, encoding=encoding).rows] == spelled
    try:
        result: object = [row[1] for row in read(tmp_path, content).rows]
    except RegularsError as error:
        result = "its encoding cannot be told" in error.message and error.cure.startswith(
            "Say it with format: {encoding"
        )
    assert result in (spelled, True)


def vietnamese(name: str) -> str:
    """A name as cp1258 has it: letters with their hats and horns, tones as marks behind them."""
    found = ""
    for char in unicodedata.normalize("NFD", name):
        joined = unicodedata.normalize("NFC", found[-1:] + char)
        found = found[:-1] + joined if char in "\u0302\u0306\u031b" and len(joined) == 1 else found + char
    return found


@pytest.mark.parametrize(
    "name", ["Ávila", "Áurea", "Müller", "España", "Köln", "Søren", "José", "Évry", "Peña", "MÜLLER"]
)
def test_a_lone_plain_name_needs_no_declaration(tmp_path: Path, name: str) -> None:
    assert read(tmp_path, f"id;name\n1;{name}\n".encode("cp1252")).rows == [("1", name)]


CYRILLIC = "id;имя;город\n1;Иван Петров;Москва\n2;Анна Сидорова;Санкт-Петербург\n"
JAPANESE = "番号,氏名,住所\n1,山田太郎,東京都千代田区丸の内\n2,スズキ・ハナコ,大阪府大阪市北区ウメダ\n"
KOREAN = "번호,이름,주소\n1,김철수,서울특별시 강남구 테헤란로\n2,이영희,부산광역시 해운대구\n"


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        (CYRILLIC, "cp1251"), (CYRILLIC, "koi8_r"), (CYRILLIC, "cp866"), (JAPANESE, "shift_jis"), (KOREAN, "euc_kr"),
        (JAPANESE, "utf-16-le"), (KOREAN, "utf-16-be"), (CYRILLIC, "utf-32-le"), ("id,v\n1,a\n", "utf-16-be"),
    ],
)  # fmt: skip
def test_encodings_without_a_mark(tmp_path: Path, text: str, encoding: str) -> None:
    taken = read(tmp_path, text.encode(encoding))
    lines = [tuple(line.replace(";", ",").split(",")) for line in text.splitlines()]
    assert [tuple(taken.columns), *taken.rows] == lines


def test_an_encoding_that_nothing_tells_has_to_be_said(tmp_path: Path) -> None:
    with pytest.raises(RegularsError, match=r"its encoding cannot be told.*Say it with format: \{encoding"):
        read(tmp_path, "id,name\n1,王小明\n".encode("gbk"))
    assert read(tmp_path, "id,name\n1,王小明\n".encode("gbk"), encoding="gbk").rows == [("1", "王小明")]


GREEK = "id;name\n1;Γιώργος Παπαδόπουλος\n2;Μαρία Νικολάου\n3;Θεσσαλονίκη Αθήνα\n"
TURKISH = "id;name\n1;Ayşe Yılmaz\n2;Çağlar Şahin\n3;Işık Öztürk\n4;Doğan Güneş\n"
HEBREW = "id;name\n1;יוסף כהן\n2;שרה לוי ירושלים\n3;דוד מזרחי תל אביב\n"
ARABIC = "id;name\n1;محمد عبد الله\n2;فاطمة الزهراء القاهرة\n3;علي حسن بغداد\n"
THAI = "id;name\n1;สมชาย ใจดี\n2;กรุงเทพมหานคร\n3;สมหญิง รักไทย เชียงใหม่\n"
POLISH = "id;name\n1;Wałęsa Łódź\n2;Małgorzata Wójcik\n3;Stanisław Kraków\n4;Dąbrowski Gdańsk\n"
CZECH = "id;name\n1;Dvořák Plzeň\n2;Jiří Novák\n3;Růžena Šťastná\n4;Zdeněk Černý\n"
LITHUANIAN = "id;name\n1;Rūta Jonaitė\n2;Žemaitis Šiauliai\n3;Jūratė Petrauskienė\n4;Algirdas Brazauskas Panevėžys\n"


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        (GREEK, "cp1253"), (GREEK, "iso8859_7"), (GREEK, "cp737"), (TURKISH, "cp1254"), (TURKISH, "iso8859_9"),
        (HEBREW, "cp1255"), (HEBREW, "cp862"), (ARABIC, "cp1256"), (ARABIC, "iso8859_6"), (THAI, "tis_620"),
        (POLISH, "cp1250"), (POLISH, "iso8859_2"), (POLISH, "cp852"), (CZECH, "cp1250"), (LITHUANIAN, "cp1257"),
        (JAPANESE, "euc_jp"), (JAPANESE, "shift_jis"), (CYRILLIC, "iso8859_5"), (CYRILLIC, "mac_cyrillic"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("lines", [2, 9])
def test_no_script_is_taken_for_another(tmp_path: Path, text: str, encoding: str, lines: int) -> None:
    """Read rightly, or asked for with the likely encodings and how words look in them; a whole file is mostly read."""
    content = "".join(text.splitlines(keepends=True)[:lines]).encode(encoding)
    expected = content.decode(encoding).replace(";", ",").splitlines()
    try:
        taken = read(tmp_path, content)
    except RegularsError as error:
        asked = str(error)
    else:
        asked = ""
        assert [",".join(row) for row in [tuple(taken.columns), *taken.rows]] == expected
    assert not asked or (lines == 2 and "its encoding cannot be told" in asked and " reads " in asked)


@pytest.mark.parametrize(
    "value", ["5 €", "20 °C", "£5.00", "MÜLLER", "Sr. Nº 5, 1ª", "ACME® ™ © 2020", "Café – it’s “good”", "¿Qué? «Sí»"]
)
def test_signs_of_western_text_need_no_declaration(tmp_path: Path, value: str) -> None:
    assert read(tmp_path, f"id;v\n1;{value}\n".encode("cp1252")).rows == [("1", value)]


@pytest.mark.parametrize("encoding", ["iso2022_jp", "hz", "utf_7"])
def test_letters_written_as_ascii_have_to_be_declared(tmp_path: Path, encoding: str) -> None:
    text = "id,name\n1,中村\n2,山田\n"
    with pytest.raises(RegularsError, match=f"likeliest is {encoding}; {encoding} reads 1,中村"):
        read(tmp_path, text.encode(encoding))
    assert read(tmp_path, text.encode(encoding), encoding=encoding).rows == [("1", "中村"), ("2", "山田")]


def test_plus_and_minus_signs_are_no_letters(tmp_path: Path) -> None:
    assert len(read(tmp_path, "id,phone\n1,+4930123-45\n2,A+Abc-x ~{ \n").rows) == 2


def test_lines_that_are_not_utf8_are_rejected_alone(tmp_path: Path) -> None:
    good = "".join(f"{i},Zoë\n" for i in range(50)).encode()
    taken = read(tmp_path, b"id,name\n" + good + b"50,Zo\xeb\n51,Zo\xeb\n" + good)
    assert (len(taken.rows), reasons(taken)) == (100, [(52, "wrong_encoding"), (53, "wrong_encoding")])


# Invariants ----------------------------------------------------------------------------------------


class Written(NamedTuple):
    """A file as a writer of the standard makes it, and how."""

    delimiter: str
    content: bytes
    skip: int
    width: int


CELL = st.one_of(
    st.text(st.sampled_from('ab 12,;\t|"\n\ré王'), max_size=7),
    st.sampled_from(["A1", "x", "12.5", "2024-01-05", "Smith, J.", '5" pipe', ""]),
)


@st.composite
def written(draw: st.DrawFn) -> Written:
    """Random cells in every way of writing them, with titles above and blank lines between."""
    delimiter, line_end = draw(st.sampled_from(",;\t|")), draw(st.sampled_from(["\n", "\r\n", "\r"]))
    width, titles = draw(st.integers(1, 5)), draw(st.lists(st.sampled_from(["Report", 'May "24"', ""]), max_size=2))
    text = io.StringIO(newline="")
    text.write("".join(title + line_end for title in titles))
    quoting = draw(st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]))
    writer = csv.writer(text, delimiter=delimiter, lineterminator=line_end, quoting=quoting)
    writer.writerow([f"c{i}" for i in range(width)])
    for row in draw(st.lists(st.lists(CELL, min_size=width, max_size=width), max_size=12)):
        writer.writerow(row)
        text.write(line_end * draw(st.sampled_from([0, 0, 0, 1])))
    mark = codecs.BOM_UTF8 if draw(st.booleans()) else b""
    return Written(delimiter, mark + text.getvalue().encode(), len(titles), width)


def by_standard_library(file: Written) -> tuple[list[tuple[str, ...]], int]:
    """Records of the header's width as Python's csv module reads them, and how many have another."""
    text = io.StringIO(file.content.decode("utf-8-sig"), newline="")
    lines = list(text)[file.skip :]
    records = [tuple(record) for record in csv.reader(lines, delimiter=file.delimiter) if record][1:]
    good = [record for record in records if len(record) == file.width]
    return good, len(records) - len(good)


def test_random_files_are_read_as_the_standard_library_does(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Seven hundred files, seven at a time. What differs is rejected by name, for lines that look like records."""
    seen: Counter[str] = Counter()

    @settings(max_examples=100, deadline=None, database=None)
    @given(files=st.lists(written(), min_size=7, max_size=7))
    def check(files: list[Written]) -> None:
        folder = tmp_path_factory.mktemp("csv")
        tables = {
            f"t{place}": {"format": {"delimiter": file.delimiter, "skip": file.skip}}
            for place, file in enumerate(files)
        }  # fmt: skip
        for place, file in enumerate(files):
            (folder / f"t{place}.csv").write_bytes(file.content)
        connector = connector_of({"kind": "csv", "path": str(folder)}, tables)
        for table, file in zip(tables, files, strict=True):
            taken, (good, others) = take(connector, table), by_standard_library(file)
            rows = [tuple(cell or "" for cell in row) for row in taken.rows]
            unclear = [r for r in taken.rejected if r["reason_code"] == "quotes_over_lines"]
            if not unclear:
                assert (rows, len(taken.rejected)) == (good, others)
            else:
                rest = iter(good)
                assert len(rows) < len(good)
                assert all(row in rest for row in rows)
            seen["unclear" if unclear else "same"] += 1

    check()
    assert seen["same"] > seen["unclear"]


@settings(max_examples=300, deadline=None)
@given(data=st.text(st.sampled_from('ab,"\n\r=')).map(str.encode), line_end=st.sampled_from([b"\n", b"\r\n", b"\r"]))
def test_clean_bytes_are_counted_as_the_grammar_counts_them(data: bytes, line_end: bytes) -> None:
    """Array arithmetic against the grammar of records, which goes from field to field."""
    dialect = Dialect(b",", b'"', b'"')
    found = scan(data, Expected(dialect, 2, b"", line_end, 1 << 20, b""), is_last=True)
    if found is None:
        return
    place = records = 0
    while place < len(data):
        match = dialect.record.match(data, place)
        assert match is not None
        assert match["end"] in (line_end, b"")
        records += match.start("end") > place
        place = match.end()
    assert found == Stretch(len(data), records)


@given(st.lists(st.booleans(), max_size=300))
def test_parity_of_quotes_by_words(flags: list[bool]) -> None:
    quotes = np.array(flags, dtype=np.bool_)
    bits = np.unpackbits(within_quotes(packed(quotes)).view(np.uint8), bitorder="little")[: len(flags)]
    assert bits.tolist() == (np.cumsum(quotes) % 2).tolist()


def test_stretches_are_cut_anywhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the size of what is looked at together, and of what it is cut from, the rows are the same."""
    rows = [(f"R{i}", f'note "{i}"\nsecond, line' if i % 5 == 0 else f"é{i}", str(i)) for i in range(200)]
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\r\n").writerows([("id", "note", "total"), *rows])
    for extra in ("", 'X,5" pipe,1\n'):
        wanted = rows + ([("X", '5" pipe', "1")] if extra else [])
        for size in (1, 7, 64, 1_000):
            for module in (mend, stretches):
                monkeypatch.setattr(module, "STRETCH", size)
            assert read(tmp_path, text.getvalue() + extra).rows == wanted


def test_a_lost_record_stops_the_load(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The count does not come from the reader: were a row lost there, the two would differ."""
    monkeypatch.setattr(Mended, "rejected", without_rejects)
    (tmp_path / "t.csv").write_text("id,v\n1,a\n2,b\0\n")
    connector = connector_of({"kind": "csv", "path": str(tmp_path)})
    assert connector.count("t") == 2
    with pytest.raises(AssertionError):
        take(connector)


def without_rejects(mended: Mended, name: str) -> Any:
    """No rejected row, whatever there is."""
    from orchestration.connectors.base import none_rejected

    assert (mended.reasons, name[-5:]) == (["nul_character"], "t.csv")
    return none_rejected()


def test_a_delimiter_of_two_characters(tmp_path: Path) -> None:
    """One of the two alone is text; a text of two lines is looked at record by record."""
    taken = read(tmp_path, 'a||b||c\n1||"x||y"||3|\n2||5" p||4\n3||"x\n|y"||5\n', delimiter="||")
    assert taken.rows == [("1", "x||y", "3|"), ("2", '5" p', "4"), ("3", "x\n|y", "5")]


def test_texts_for_nothing_hold_in_a_mended_file_too(tmp_path: Path) -> None:
    taken = read(tmp_path, 'id,v\n1,N/A\n2,5" x\n3,NULL\n', null_text=["N/A", "NULL"])
    assert taken.rows == [("1", None), ("2", '5" x'), ("3", None)]


# Names -------------------------------------------------------------------------------------------


def test_the_case_of_any_letter_is_no_difference(tmp_path: Path) -> None:
    (tmp_path / "d1.csv").write_text("id,Käufer,Größe\n1,a,x\n")
    (tmp_path / "d2.csv").write_text("ID,KÄUFER,GRÖßE\n2,b,y\n")
    (tmp_path / "d3.csv").write_text("id,Ka\u0308ufer\u200b,\u00a0Größe\ufeff\n3,c,z\n")
    taken = take(connector_of({"kind": "csv", "path": str(tmp_path)}, {"t": {"path": "d*.csv"}}))
    assert taken.columns == ["id", "Käufer", "Größe"]
    assert sorted(taken.rows) == [("1", "a", "x"), ("2", "b", "y"), ("3", "c", "z")]


def test_json_keys_that_differ_in_case_or_invisibly_are_one_column(tmp_path: Path) -> None:
    (tmp_path / "t.ndjson").write_text('{"Käufer": 1}\n{"KÄUFER": 2}\n{"Ka\u0308ufer\u200b": 3}\n')
    taken = take(connector_of({"kind": "json", "path": str(tmp_path)}))
    assert (len(taken.columns), sorted(taken.rows)) == (1, [("1",), ("2",), ("3",)])


def test_parquet_columns_that_differ_in_case_are_one(tmp_path: Path) -> None:
    for day, name in enumerate(("Käufer", "KÄUFER")):
        pq.write_table(pa.table({"id": [day], name: [f"k{day}"]}), tmp_path / f"d{day}.parquet")
    taken = take(connector_of({"kind": "parquet", "path": str(tmp_path)}, {"t": {"path": "d*.parquet"}}))
    assert (taken.columns, sorted(taken.rows)) == (["id", "Käufer"], [(0, "k0"), (1, "k1")])


def test_a_column_keeps_its_values_under_another_name_where_the_lake_needs_its_own(tmp_path: Path) -> None:
    names = ["_source_file", "_source_row", "_load_id", "_loaded_at", "_source_flags", "file_row_number", "_raw_row"]
    taken = read(tmp_path, ",".join([*names, "filename"]) + "\na,b,c,d,e,f,g,h\n")
    assert taken.columns == [
        "source_file_", "source_row_", "load_id_", "loaded_at_", "source_flags_", "file_row_number_", "raw_row_",
        "filename",
    ]  # fmt: skip
    assert taken.rows == [tuple("abcdefgh")]


def test_a_parquet_column_with_a_name_of_the_lake_is_refused(tmp_path: Path) -> None:
    pq.write_table(pa.table({"id": [1], "file_row_number": [7]}), tmp_path / "t.parquet")
    with pytest.raises(RegularsError, match="column file_row_number has a name that the lake needs"):
        take(connector_of({"kind": "parquet", "path": str(tmp_path)}))


@pytest.mark.parametrize(
    ("header", "again"), [("id,name", "ID,Name"), ("Nr,Käufer", "NR,KÄUFER"), ("id,имя", '"Id","ИМЯ"')]
)
def test_a_header_repeated_in_other_case_is_no_row(tmp_path: Path, header: str, again: str) -> None:
    taken = read(tmp_path, f"{header}\n1,a\n{again}\n2,b\n")
    assert (taken.rows, reasons(taken)) == ([("1", "a"), ("2", "b")], [(3, "repeated_header")])


def test_a_fixed_width_value_that_runs_over_its_column_is_rejected(tmp_path: Path) -> None:
    (tmp_path / "t.txt").write_text("0001 1.50\n0002 2.50999\n0003 3.50 note\n")
    own = {"kind": "fixed_width", "path": str(tmp_path), "columns": {"id": [1, 4], "total": [5, 9]}}
    taken = take(connector_of(own))
    assert (taken.rows, reasons(taken)) == ([("0001", "1.50"), ("0003", "3.50")], [(2, "line_too_long")])
    assert take(connector_of({**own, "goes_on": True})).rows[1] == ("0002", "2.50")


@pytest.mark.parametrize(("pack", "suffix"), [(gzip.compress, ".gz"), (bz2.compress, ".bz2"), (lzma.compress, ".xz")])
@pytest.mark.parametrize("encoding", ["auto", "utf-8", "cp1252"])
def test_packed_bytes_under_a_plain_name_are_named(
    tmp_path: Path, pack: Callable[[bytes], bytes], suffix: str, encoding: str
) -> None:
    with pytest.raises(RegularsError, match=f"is packed, and its name does not say so.*t.csv{suffix}"):
        read(tmp_path, pack(b"id,v\n1,a\n"), encoding=encoding)
    assert read(tmp_path, b"PK\x03,BZh\n1,a\n").rows == [("1", "a")]
