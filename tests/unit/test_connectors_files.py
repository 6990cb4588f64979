"""Files as people really send them: encodings, quotes, ragged rows, packed, nested, broken and hostile."""

from __future__ import annotations

import bz2
import codecs
import datetime as dt
import gzip
import json
import zipfile
from pathlib import Path

import pytest
from crawleruseragents import CRAWLER_USER_AGENTS_DATA
from pydantic import ValidationError

from orchestration.config.company import Source
from orchestration.connectors import lines, text
from orchestration.connectors.base import Part
from orchestration.connectors.excel import as_text
from orchestration.connectors.files import distinct_names
from orchestration.platform.errors import RegularsError
from tests.support.systems import connector_of, take

TEXT = "id;name;city\r\n007;Müller;Köln\r\n8;王小明;臺北\r\n"
LATIN = "id;name;city\r\n007;Müller;Köln\r\n8;Ångström;Malmö\r\n"
CHINESE = (
    "编号,姓名,城市,备注\n1,王小明,北京市海淀区中关村大街,老客户，请在周末联系，谢谢\n"
    "2,李雷,上海市浦东新区世纪大道,新客户，喜欢打折商品\n"
)
TAIWAN = (
    "編號,姓名,城市,備註\n1,王小明,臺北市信義區市府路,老客戶，請在週末聯絡，謝謝您的支持\n"
    "2,陳怡君,高雄市前鎮區中華五路,新客戶，喜歡打折商品與贈品\n"
)


@pytest.mark.parametrize("declared", ["declared", "auto"])
@pytest.mark.parametrize(
    ("encoding", "text"),
    [
        ("utf-8", TEXT), ("utf-8-sig", TEXT), ("utf-16", TEXT), ("latin-1", LATIN), ("gbk", CHINESE), ("big5", TAIWAN),
    ],
)  # fmt: skip
def test_every_encoding_declared_or_found(tmp_path: Path, encoding: str, text: str, declared: str) -> None:
    (tmp_path / "t.csv").write_bytes(text.encode(encoding))
    mark = text[2] if text is CHINESE or text is TAIWAN else ";"
    format_ = {"kind": "csv", "path": str(tmp_path), "encoding": encoding if declared == "declared" else "auto"}
    taken = take(connector_of(format_))
    expected = [line.split(mark) for line in text.split()]
    assert taken.columns == expected[0]
    assert taken.rows == [tuple(row) for row in expected[1:]]
    assert taken.numbers == [1, 2]


def test_quotes_line_breaks_and_ragged_rows(tmp_path: Path) -> None:
    """What is refused is named by the number of the record in the file; the header is the first."""
    content = 'id,name,note\n1,"Smith, J.","said ""no"""\n2,"two\nlines",x\n3,short\n4,a,b,c\n5,plain,5" pipe\n'
    (tmp_path / "t.csv").write_text(content)
    taken = take(connector_of({"kind": "csv", "path": str(tmp_path)}))
    assert taken.rows == [("1", "Smith, J.", 'said "no"'), ("2", "two\nlines", "x"), ("5", "plain", '5" pipe')]
    assert [(r["_source_row"], r["reason_code"], r["raw_record"]) for r in taken.rejected] == [
        (4, "too_few_columns", "3,short"),
        (5, "too_many_columns", "4,a,b,c"),
    ]
    assert {r["_source_file"] for r in taken.rejected} == {str(tmp_path / "t.csv")}


def test_one_line_of_another_encoding_is_refused_alone(tmp_path: Path) -> None:
    good = "".join(f"{i},Zoë\n" for i in range(50)).encode()
    (tmp_path / "t.csv").write_bytes(b"id,name\n" + good + b"99,Zo\xeb\n")
    taken = take(connector_of({"kind": "csv", "path": str(tmp_path), "encoding": "utf-8"}))
    assert len(taken.rows) == 50
    assert [r["reason_code"] for r in taken.rejected] == ["wrong_encoding"]


def test_a_line_longer_than_allowed_is_refused_and_the_rest_read(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("id,name\n1,a\n2," + "x" * 3_000_000 + "\n3,c\n")
    taken = take(connector_of({"kind": "csv", "path": str(tmp_path), "max_line": 1_000_000}))
    assert taken.rows == [("1", "a"), ("3", "c")]
    assert [r["reason_code"] for r in taken.rejected] == ["line_too_long"]
    assert len(taken.rejected[0]["raw_record"]) <= 10_000


@pytest.mark.parametrize("giant", [b"2," + b"x" * 4_000_000, b'2,"' + b"x\n" * 2_000_000 + b'"'])
def test_a_record_longer_than_the_readers_buffer_is_refused_not_lost(
    tmp_path: Path, giant: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In one line, and over many lines within quotes. The buffer is made small, as the test's files are."""
    monkeypatch.setattr(text, "SMALLEST_BUFFER", 1 << 20)
    (tmp_path / "t.csv").write_bytes(b"id,name\n1,a\n" + giant + b"\n3,c\n")
    taken = take(connector_of({"kind": "csv", "path": str(tmp_path), "delimiter": ",", "max_line": 400_000}))
    assert taken.rows == [("1", "a"), ("3", "c")]
    assert [r["reason_code"] for r in taken.rejected] == ["line_too_long"]


def test_a_quote_that_nothing_closes_costs_its_line_alone(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_bytes(b'id,name\n1,a\n2,"x, y\n' + b"3,y\n" * 200_000)
    taken = take(connector_of({"kind": "csv", "path": str(tmp_path), "max_line": 100_000}))
    assert len(taken.rows) == 200_001
    assert [(r["_source_row"], r["reason_code"]) for r in taken.rejected] == [(3, "broken_quotes")]
    # A quote within a field opens nothing.
    (tmp_path / "t.csv").write_bytes(b'id,name\n1,a\n2,5" pipe\n' + b"3,y\n" * 200_000)
    assert len(take(connector_of({"kind": "csv", "path": str(tmp_path), "max_line": 100_000})).rows) == 200_002


def test_a_line_of_json_longer_than_allowed_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(text, "SMALLEST_BUFFER", 1 << 20)
    monkeypatch.setattr(lines, "MAX_LINE", 400_000)
    (tmp_path / "t.ndjson").write_bytes(b'{"id": 1}\n{"id": "' + b"x" * 4_000_000 + b'"}\n{"id": 3}\n')
    taken = take(connector_of({"kind": "json", "path": str(tmp_path)}))
    assert taken.rows == [("1",), ("3",)]
    assert [r["reason_code"] for r in taken.rejected] == ["line_too_long"]


def test_titles_above_the_header_comments_and_texts_for_nothing(tmp_path: Path) -> None:
    (tmp_path / "t.tsv").write_text("Report of May\n\nid\tname\n#draft\t1\n1\tN/A\n2\tx\n")
    settings_ = {"kind": "csv", "path": str(tmp_path), "skip": 2, "comment": "#", "null_text": ["N/A"]}
    assert take(connector_of(settings_)).rows == [("1", None), ("2", "x")]


def test_a_file_without_header_takes_declared_names(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("1,a\n2,b\n")
    settings_ = {"kind": "csv", "path": str(tmp_path), "header": False, "columns": ["id", "name"]}
    taken = take(connector_of(settings_))
    assert (taken.columns, taken.rows) == (["id", "name"], [("1", "a"), ("2", "b")])


def test_files_of_different_columns_make_one_table(tmp_path: Path) -> None:
    (tmp_path / "2025-01.csv").write_text("id,name\n1,a\n")
    (tmp_path / "2025-02.csv").write_text("name,id,mail\nb,2,b@x.org\n")
    connector = connector_of({"kind": "csv", "path": str(tmp_path)}, {"t": {"path": "2025-*.csv"}})
    taken = take(connector)
    assert (taken.columns, sorted(taken.rows)) == (["id", "name", "mail"], [("1", "a", None), ("2", "b", "b@x.org")])
    only = take(connector, part=Part(files=(str(tmp_path / "2025-02.csv"),)))
    assert only.rows == [("2", "b", "b@x.org")]


def test_a_table_may_have_a_format_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("a|b\n1|2\n")
    (tmp_path / "u.csv").write_text("a;b\n1;2\n")
    tables = {"t": {"format": {"delimiter": "|"}}, "u": None}
    connector = connector_of({"kind": "csv", "path": str(tmp_path), "delimiter": ";"}, tables)
    assert take(connector, "t").rows == take(connector, "u").rows == [("1", "2")]


@pytest.mark.parametrize(
    ("tables", "message"),
    [
        ({"t": {"format": {"delimitre": ";"}}}, "tables.t.format of kind csv: one of columns, comment, delimiter"),
        ({"t": {"format": {"path": "/etc"}}}, "tables.t.format of kind csv"),
        ({"t": {"load": {"mode": "incremental", "cursor": "id"}}}, "columns of kind csv are text"),
    ],
)
def test_a_wrong_format_is_refused_before_anything_runs(tables: dict[str, object], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        connector_of({"kind": "csv", "path": "x"}, tables)


def test_an_encoding_that_does_not_exist_is_refused() -> None:
    with pytest.raises(ValidationError, match="an encoding such as utf-8"):
        Source.model_validate(
            {"system": "h", "timezone": "UTC", "tables": {"t": None},
             "connector": {"kind": "csv", "path": "x", "encoding": "utf-9"}}
        )  # fmt: skip


@pytest.mark.parametrize("packer", ["gz", "bz2", "zip"])
def test_packed_files(tmp_path: Path, packer: str) -> None:
    content = b"id,name\n1,a\n"
    path = tmp_path / f"t.csv.{packer}"
    if packer == "zip":
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("t.csv", content)
    else:
        path.write_bytes({"gz": gzip.compress, "bz2": bz2.compress}[packer](content))
    connector = connector_of({"kind": "csv", "path": str(tmp_path)})
    assert connector.discover() == ["t"]
    assert take(connector).rows == [("1", "a")]


def test_a_truncated_archive_and_a_bomb(tmp_path: Path) -> None:
    whole = gzip.compress(b"id,name\n" + b"".join(f"{i},{i * 7919 % 104729}\n".encode() for i in range(50_000)))
    (tmp_path / "t.csv.gz").write_bytes(whole[: len(whole) // 2])
    connector = connector_of({"kind": "csv", "path": str(tmp_path)})
    with pytest.raises(RegularsError, match=r"file .*t\.csv\.gz: cannot be read.*Fetch the file again, whole"):
        take(connector)
    (tmp_path / "t.csv.gz").write_bytes(gzip.compress(b"id,name\n" + b"0,0\n" * 40_000_000))
    with pytest.raises(RegularsError, match="unpacks to more than"):
        take(connector_of({"kind": "csv", "path": str(tmp_path)}))


def test_no_path_leads_out_of_the_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    (tmp_path / "secret.csv").write_text("a\n1\n")
    for path in ("../secret.csv", str(tmp_path / "secret.csv")):
        with pytest.raises(RegularsError, match="leads out of"):
            take(connector_of({"kind": "csv", "path": str(folder)}, {"t": {"path": path}}))
    (folder / "t.csv").symlink_to(tmp_path / "secret.csv")
    with pytest.raises(RegularsError, match="is a link out of"):
        take(connector_of({"kind": "csv", "path": str(folder)}))
    monkeypatch.setenv("REGULARS_ROOTS", str(folder))
    with pytest.raises(RegularsError, match="outside the folders that REGULARS_ROOTS allows"):
        connector_of({"kind": "csv", "path": str(tmp_path)})


def test_an_empty_file_says_so(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("")
    with pytest.raises(RegularsError, match=r"t\.csv: is empty"):
        take(connector_of({"kind": "csv", "path": str(tmp_path)}))


def test_fixed_width_counts_characters(tmp_path: Path) -> None:
    (tmp_path / "t.txt").write_bytes("HEADER\n0001Müller    Köln\n0002王小明       北京\nshort\n".encode("gb18030"))
    columns = {"id": [1, 4], "name": [5, 14], "city": [15, 20]}
    settings_ = {"kind": "fixed_width", "path": str(tmp_path), "encoding": "gb18030", "skip": 1, "columns": columns}
    taken = take(connector_of(settings_ | {"min_length": 15}))
    assert taken.rows == [("0001", "Müller", "Köln"), ("0002", "王小明", "北京")]
    assert [(r["_source_row"], r["reason_code"]) for r in taken.rejected] == [(4, "line_too_short")]
    with pytest.raises(ValidationError, match="first, last"):
        connector_of(settings_ | {"columns": {"id": [4, 1]}})


def test_json_lines_keep_nested_values_and_refuse_broken_ones(tmp_path: Path) -> None:
    lines = ['{"id": 7, "name": "Zoë", "at": {"city": "Köln"}}', '{"id": "08", "tags": ["a", "b"]}', '{"id": 9', "[1]"]
    (tmp_path / "t.ndjson").write_text("\n".join(lines) + "\n\n", encoding="utf-8")
    taken = take(connector_of({"kind": "json", "path": str(tmp_path)}))
    assert taken.columns == ["at", "id", "name", "tags"]
    assert taken.rows == [('{"city":"Köln"}', "7", "Zoë", None), (None, "08", None, '["a","b"]')]
    assert [(r["_source_row"], r["reason_code"]) for r in taken.rejected] == [
        (3, "not_a_json_object"), (4, "not_a_json_object"),
    ]  # fmt: skip


def test_lines_of_every_end_are_lines(tmp_path: Path) -> None:
    (tmp_path / "t.ndjson").write_bytes(b'{"id": 1}\r\n{"id": 2}\n{"id": 3}\r{"id": 4}\r\n')
    assert take(connector_of({"kind": "json", "path": str(tmp_path)})).rows == [("1",), ("2",), ("3",), ("4",)]
    (tmp_path / "t.txt").write_bytes(b"0001a\n0002b\r\n0003c")
    fixed = {"kind": "fixed_width", "path": str(tmp_path), "columns": {"id": [1, 4], "v": [5, 5]}}
    assert take(connector_of(fixed)).rows == [("0001", "a"), ("0002", "b"), ("0003", "c")]


def test_a_list_of_records_inside_a_document(tmp_path: Path) -> None:
    (tmp_path / "t.json").write_text(json.dumps({"data": {"items": [{"id": 1, "price": 1.10}, {"id": 2}]}}))
    taken = take(connector_of({"kind": "json", "path": str(tmp_path), "records": "data.items"}))
    assert taken.rows == [("1", "1.1e0"), ("2", None)]
    with pytest.raises(RegularsError, match="no list of records at 'data'"):
        take(connector_of({"kind": "json", "path": str(tmp_path), "records": "data"}))


def test_xml_attributes_children_and_repeats(tmp_path: Path) -> None:
    (tmp_path / "t.xml").write_text(
        '<?xml version="1.0" encoding="ISO-8859-1"?><c xmlns="urn:x"><p id="1"><name>Käse</name>'
        '<price currency="EUR">1.20</price><tag>a</tag><tag>b</tag></p><p id="2"><name/></p></c>',
        encoding="latin-1",
    )
    taken = take(connector_of({"kind": "xml", "path": str(tmp_path), "record": "c/p"}))
    assert taken.columns == ["id", "name", "price", "price_currency", "tag"]
    assert taken.rows == [("1", "Käse", "1.20", "EUR", '["a", "b"]'), ("2", None, None, None, None)]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('<!DOCTYPE c [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><c><p>&b;</p></c>', "declares entities"),
        ('<!DOCTYPE c [<!ENTITY x SYSTEM "file:///etc/passwd">]><c><p>&x;</p></c>', "declares entities"),
        ("<c><p>1</p><p>", "not well-formed XML"),
        ("<c><q>1</q></c>", "no element c/p"),
    ],
)
def test_hostile_and_broken_xml(tmp_path: Path, content: str, message: str) -> None:
    (tmp_path / "t.xml").write_text(content)
    with pytest.raises(RegularsError, match=message):
        take(connector_of({"kind": "xml", "path": str(tmp_path), "record": "c/p"}))


def workbook(path: Path, sheets: dict[str, list[list[object]]]) -> None:
    """Write a workbook."""
    from openpyxl import Workbook

    book = Workbook()
    book.remove(book.active)  # type: ignore[arg-type]
    for name, rows in sheets.items():
        sheet = book.create_sheet(name)
        for row in rows:
            sheet.append(row)
    book.save(path)


def test_workbooks(tmp_path: Path) -> None:
    plan = [["Campaign plan", None], [], ["code", "starts", "budget", "budget"],
            ["007", dt.datetime(2025, 3, 1), 1200.0, 0.5],
            [None, None, None, None], [8, dt.datetime(2025, 3, 2, 9, 30), "n/a", True]]  # fmt: skip
    workbook(tmp_path / "plan.xlsx", {"notes": [["x"]], "t": plan})
    settings_ = {"kind": "excel", "path": str(tmp_path / "plan.xlsx"), "skip": 2}
    connector = connector_of(settings_)
    assert connector.discover() == ["notes", "t"]
    taken = take(connector)
    assert taken.columns == ["code", "starts", "budget", "budget_2"]
    assert taken.rows == [("007", "2025-03-01", "1200", "0.5e0"), ("8", "2025-03-02 09:30:00", "n/a", "true")]
    assert taken.numbers == [4, 6]
    with pytest.raises(RegularsError, match=r"no sheet 'May'\. Sheets of the workbook: notes, t"):
        take(connector_of(settings_ | {"sheet": "May"}))
    (tmp_path / "t.xlsx").write_bytes(b"PK no workbook")
    with pytest.raises(RegularsError, match="not readable as a workbook"):
        take(connector_of({"kind": "excel", "path": str(tmp_path)}))


def test_a_workbook_that_unpacks_to_gigabytes_is_not_opened(tmp_path: Path) -> None:
    with (
        zipfile.ZipFile(tmp_path / "t.xlsx", "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive,
        archive.open("a", "w", force_zip64=True) as member,
    ):
        for _ in range(33):
            member.write(bytes(64 << 20))
    with pytest.raises(RegularsError, match="unpacks to"):
        take(connector_of({"kind": "excel", "path": str(tmp_path)}))


def test_a_formula_is_kept_as_data(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text('id,name\n1,"=HYPERLINK(""http://x"",""y"")"\n')
    assert take(connector_of({"kind": "csv", "path": str(tmp_path)})).rows == [("1", '=HYPERLINK("http://x","y")')]


BROWSER = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0 Safari/537.36"
LINE = '203.0.113.9 - ann [10/Oct/2025:13:55:36 +0200] "GET /p?q=%C3%A9 HTTP/1.1" 200 2326'


def test_logs_of_both_formats_packed_and_with_broken_lines(tmp_path: Path) -> None:
    lines = [LINE, LINE + f' "https://x.org/" "{BROWSER}"', LINE + ' "-" "Googlebot/2.1"', "\\x16\\x03\\x01", ""]
    (tmp_path / "t.log.gz").write_bytes(gzip.compress("\n".join(lines).encode()))
    taken = take(connector_of({"kind": "web_log", "path": str(tmp_path)}))
    rows = [dict(zip(taken.columns, row, strict=True)) for row in taken.rows]
    assert [(r["occurred_at"], r["method"], r["url"], r["status_code"], r["bytes"], r["user_name"]) for r in rows] == [
        ("2025-10-10T13:55:36+0200", "GET", "/p?q=%C3%A9", "200", "2326", "ann")
    ] * 3
    assert [(r["referrer"], r["is_bot"]) for r in rows[1:]] == [("https://x.org/", "false"), (None, "true")]
    assert [(r["_source_row"], r["reason_code"]) for r in taken.rejected] == [(4, "not_a_log_line")]


BROWSERS = [
    BROWSER,
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 14_5) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 Safari/605.1",
    "Mozilla/5.0 (X11; Linux x86_64; rv:127.0) Gecko/20100101 Firefox/127.0",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148",
    "Mozilla/5.0 (Linux; Android 14; SM-S918B) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0 Mobile Safari/537",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126 Safari/537.36 Edg/126",
    "Mozilla/5.0 (Linux; U; Android 13; zh-cn) AppleWebKit/537.36 Version/4.0 Chrome/109 MQQBrowser/14.5 Mobile Safari",
    "Opera/9.80 (J2ME/MIDP; Opera Mini/7.1; U; en) Presto/2.12.423 Version/12.16",
]


def test_robots_are_told_from_browsers(tmp_path: Path) -> None:
    """Of the published collection of robots nearly all are known by the name they give; no browser is."""
    robots = sorted({agent for entry in CRAWLER_USER_AGENTS_DATA for agent in entry["instances"] if '"' not in agent})
    assert len(robots) > 1_000
    for name, agents in (("robots", robots), ("browsers", BROWSERS)):
        lines = [f'{LINE} "-" "{agent}"' for agent in agents]
        (tmp_path / f"{name}.log").write_text("\n".join(lines), encoding="utf-8")
    connector = connector_of({"kind": "web_log", "path": str(tmp_path)}, {"robots": None, "browsers": None})
    flagged = {name: [row[-1] for row in take(connector, name).rows] for name in ("robots", "browsers")}
    assert flagged["browsers"] == ["false"] * len(BROWSERS)
    assert flagged["robots"].count("true") / len(robots) >= 0.95


def test_header_cells_become_names_that_differ() -> None:
    assert distinct_names(["\ufeffID", " name ", "", "Name", "name"]) == ["ID", "name", "column_3", "Name_2", "name_3"]


def test_cells_as_text() -> None:
    assert [as_text(c) for c in (None, " ", 5.0, 5.5, True, dt.date(2025, 1, 2), dt.timedelta(hours=1))] == [
        None, None, "5", "5.5e0", "true", "2025-01-02", "3600",
    ]  # fmt: skip


def test_byte_order_marks_are_no_part_of_the_first_name(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_bytes(codecs.BOM_UTF8 + b"id,name\n1,a\n")
    assert take(connector_of({"kind": "csv", "path": str(tmp_path), "encoding": "utf-8"})).columns == ["id", "name"]
