"""What published text may say of the company's people."""

from __future__ import annotations

import base64
import json
import re
import unicodedata
from pathlib import Path
from urllib.parse import quote as percent

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestration.config.company import CompanyConfig, load_company
from orchestration.platform.paths import CompanyPaths
from orchestration.privacy import forms
from orchestration.privacy.lookup import Lookup, glued
from orchestration.privacy.masking import mask_published, masked
from tests.support.shop import Shop

GIVEN, FAMILY = "Jörg", "Österlund"
NAME, EMAIL, PHONE, CARD = f"{GIVEN} {FAMILY}", "j.osterlund@else.example", "+46 70 123 45 67", "7788-9911"
CLASSES = {
    "core.said": {"free": "free_text", "label": "label", "thing": "catalogue", "facts": "json", "no": "document"}
}


def written(text: str) -> dict[str, str]:
    """Ways in which a text is written."""
    return {
        "as it is": text, "upper case": text.upper(), "NFD": unicodedata.normalize("NFD", text),
        "dashed": text.replace(" ", "-"), "glued": text.replace(" ", ""), "spaced": text.replace(" ", "   "),
        "URL": percent(text), "URL twice": percent(percent(text)), "plus": text.replace(" ", "+"),
        "all escaped": "".join(f"%{byte:02X}" for byte in text.encode()),
        "base64": base64.b64encode(text.encode()).decode(),
        "HTML": "".join(f"&#{ord(c)};" for c in text), "HTML hex": "".join(f"&#x{ord(c):X};" for c in text),
        "HTML names": text.replace("ö", "&ouml;").replace("Ö", "&Ouml;").replace(" ", "&nbsp;"),
        "JSON": re.sub("(....)", r"\\u\1", text.encode("utf-16-be").hex()), "spread": " ".join(text),
        "unseen": "\u200b".join(text), "soft": f"{text[:3]}\u00ad{text[3:]}",
        "hexadecimal": text.encode().hex(), "HEX": "0x" + text.encode().hex().upper(),
        "mail": "".join(f"={byte:02X}" for byte in text.encode()), "tags": f"<b>{text[:4]}</b><i>{text[4:]}</i>",
        "program": "".join(f"\\x{byte:02x}" for byte in text.encode()),
        "Latin-1": "".join(f"%{byte:02X}" for byte in text.encode("latin-1", "xmlcharrefreplace")),
        "base64 in a path": f"/u/{base64.b64encode(text.encode()).decode()}/edit",
        "base64 after letters": f"prefix{base64.b64encode(text.encode()).decode()}",
        "base64 twice": base64.b64encode(base64.b64encode(f"id={text}".encode())).decode(),
        "within words": f"key{text.replace(' ', '')}99", "between Han": f"客户{text.replace(' ', '')}来电",
    }  # fmt: skip


@pytest.fixture
def build(config: CompanyConfig, tmp_path: Path) -> CompanyPaths:
    """A warehouse with two people, and a build with a table to fill."""
    paths = CompanyPaths(tmp_path / "built")
    paths.root.mkdir()
    warehouse, serve = paths.warehouse, paths.serve
    with duckdb.connect(str(warehouse)) as con:
        con.execute("create schema input; create schema identity")
        for entity, contract in config.contracts.items():
            columns = ", ".join(f"{name} {spec.sql_type}" for name, spec in contract.columns.items())
            con.execute(f"create table input.{entity} ({columns})")
        con.execute(
            "insert into input.customer by name select $given as given_name, $family as family_name, $email as email, "
            "$phone as phone, $card as loyalty_card_no, 'Storgatan 17' as address_line",
            {"given": GIVEN, "family": FAMILY, "email": EMAIL, "phone": PHONE, "card": CARD},
        )
        con.execute("insert into input.lead by name select '郭倉義' as full_name, 'Ann Brown' as job_title")
        con.execute(
            "create table identity.standard_customer (given varchar, family varchar, han varchar, email varchar, "
            "phones varchar[], street varchar, house_no varchar)"
        )
        con.execute(
            "insert into identity.standard_customer values ('jorg', 'osterlund', null, 'josterlund@else.example', "
            "['+46701234567'], 'storgatan', '17')"
        )
    with duckdb.connect(str(serve)) as con:
        con.execute("create schema core; create schema marts")
        con.execute("create table core.said (i integer, free varchar, label varchar, thing varchar, facts varchar, "
                    "no varchar)")  # fmt: skip
    return paths


def shown(config: CompanyConfig, build: CompanyPaths, column: str, *said: str) -> list[str | None]:
    """What becomes of texts in a column."""
    with duckdb.connect(str(build.serve)) as con:
        con.execute("delete from core.said")
        con.executemany(
            f"insert into core.said (i, {column}) values (?, ?)", [[i, text] for i, text in enumerate(said)]
        )
    mask_published(config, build, CLASSES, "core")
    with duckdb.connect(str(build.serve)) as con:
        return [row[0] for row in con.execute(f"select {column} from core.said order by i").fetchall()]


def test_free_text_loses_people_and_keeps_the_rest(config: CompanyConfig, build: CompanyPaths) -> None:
    said = {
        f"too small, says {NAME}": "too small, says [name]",
        f"{FAMILY}, {GIVEN}: Größe 42 passt nicht": "[name]: Größe 42 passt nicht",
        f"the {FAMILY.lower()}s asked, {FAMILY.upper()} did": "the österlunds asked, [name] did",
        f"write to {EMAIL}, not to other.person@mail.example": "write to [e-mail], not to [e-mail]",
        "ring 070-123 45 67 after 10:30 on 01.02.2024": "ring [number] after 10:30 on 01.02.2024",
        "card 7788 9911 and 4111 1111 1111 1111": "card [number] and [number]",
        "pay to DE89 3704 0044 0532 0130 00 please": "pay to [number] please",
        "Mrs Brown-Smith and Dr. van Dyke called": "[name] and Dr. van Dyke called",
        "lives at Storgatan 17, 2nd floor": "lives at [address], 2nd floor",
        "郭倉義來電，要求退貨": "[name]來電，要求退貨",
        "too large": "too large",
        "Order of 1234567.50 EUR": "Order of 1234567.50 EUR",
        "Jörgen und Storgatan 171": "Jörgen und Storgatan 171",
    }
    assert shown(config, build, "free", *said) == list(said.values())


@pytest.mark.parametrize("column", ["free", "label", "thing"])
@pytest.mark.parametrize("text", [NAME, EMAIL, "郭倉義"])
def test_no_way_of_writing_hides_a_person(config: CompanyConfig, build: CompanyPaths, column: str, text: str) -> None:
    ways = {way: name for name, way in written(text).items()}  # what three rows say is a brand
    result = shown(config, build, column, *(f"x {way} y" for way in ways))
    for (way, name), found in zip(ways.items(), result, strict=True):
        assert found is not None
        assert way not in found, name
        assert forms.glued(text) not in forms.glued(forms.decoded(found)), name


PEOPLE = {  # name, and ways of writing it that letters of other scripts have
    "Υάννης Παπαδόπουλος": ["ΥΆΝΝΗΣ ΠΑΠΑΔΟΠΟΥΛΟΣ", "Παπαδόπουλος, Υάννης"],
    "İbrahim Işıkoğlu": ["IBRAHIM IŞIKOĞLU", "ibrahim ışıkoğlu", "Isikoglu Ibrahim"],
    "Wałęsław Żółćiński": ["WALESLAW ZOLCINSKI", "wałęsław_żółćiński"],
    "佐々木 健太郎": ["客様は佐々木健太郎さんです", "佐々木　健太郎", "user健太郎佐々木7"],
    "𠮷 𠮟田": ["𠮟田𠮷様", "\\ud842\\udf9f田 \\ud842\\udfb7", "&#x20bb7; &#x20b9f;田"],
    "สมชาย ใจดีวงศ์": ["ลูกค้าสมชายใจดีวงศ์โทร"],
    "محمد الأحمدي": ["السيد محمد الأحمدي اتصل"],
}  # fmt: skip


@pytest.mark.parametrize("name", PEOPLE)
def test_names_of_many_scripts_are_masked(config: CompanyConfig, build: CompanyPaths, name: str) -> None:
    given, family = name.split() if name[0] != "佐" else name.split()[::-1]
    with duckdb.connect(str(build.warehouse)) as con:
        con.execute("insert into input.customer by name select $1 as given_name, $2 as family_name", [given, family])
    said = [name, *PEOPLE[name], *written(name).values()]
    for text, found in zip(said, shown(config, build, "free", *said), strict=True):
        assert found is not None
        assert forms.glued(name) not in forms.glued(forms.decoded(found)), text
        assert found != text, text


def test_a_name_within_other_words_takes_no_other_word_with_it(config: CompanyConfig, build: CompanyPaths) -> None:
    """Long ones may stand within words of free text, in labels at one end of a word at least; short ones nowhere."""
    with duckdb.connect(str(build.warehouse)) as con:
        con.execute("insert into input.customer by name select 'Ann' as given_name, 'Lee' as family_name")
        con.execute("insert into input.customer by name select 'Maria' as given_name, 'Nashwood' as family_name, "
                    "'10001000' as loyalty_card_no")  # fmt: skip
    said = {"channleeway annleeb": "channleeway annleeb", "Ann Lee, AnnLee7": "[name], [name]7",
            "xmarianashwoody": "x[name]y", "no. 9100010007 and 10001000": "no. 9100010007 and [number]"}  # fmt: skip
    assert shown(config, build, "free", *said) == list(said.values())
    said = {"xmarianashwoody": "xmarianashwoody", "marianashwoodmug": "[name]mug", "MugMariaNashwood": "Mug[name]"}
    assert shown(config, build, "thing", *said) == list(said.values())


def test_what_was_json_is_json(shop: Shop, build: CompanyPaths) -> None:
    shop.configure(company={"privacy": {"attributes": ["a", "b", "c"]}})
    number = int("".join(c for c in PHONE if c.isdigit()))
    said = [
        json.dumps({"a": NAME, "b": {NAME: [number, 1.5, True, None, f"x {NAME}"]}}),
        json.dumps({"a": base64.b64encode(NAME.encode()).decode(), "b": "fine", "c": percent(EMAIL)}),
    ]
    assert [json.loads(text or "") for text in shown(load_company("shop"), build, "facts", *said)] == [
        {"a": "[name]", "b": {"[name]": ["[number]", 1.5, True, None, "x [name]"]}},
        {"a": "[masked]", "b": "fine", "c": "[e-mail]"},
    ]


def test_versions_of_one_product_make_no_brand(config: CompanyConfig, build: CompanyPaths) -> None:
    with duckdb.connect(str(build.serve)) as con:
        con.execute("create table core.version as select i // 4 as product_key, $1 as said from range(4) t(i)", [NAME])
    mask_published(config, build, {"core.version": {"said": "catalogue"}}, "core")
    with duckdb.connect(str(build.serve)) as con:
        assert con.execute("select distinct said from core.version").fetchall() == [("[name]",)]


def test_ids_that_are_more_than_a_code_are_masked(config: CompanyConfig, build: CompanyPaths) -> None:
    said = [f"{NAME.replace(' ', '')}-7", NAME.replace(" ", "-"), base64.b64encode(NAME.encode()).decode()]
    assert shown(config, build, "no", *said) == ["[name]-7", "[name]", "[masked]"]


def test_a_lookup_is_the_same_as_looking_for_each_name_in_each_text() -> None:
    """The table of marks lets by what is none; what is compared in full decides."""
    names = ["Jörg Österlund", "Li Xu", "王明", "4111 2222 3333", "jo", "Ann Lee", "Östen", "x" * 90]
    texts = [
        "by jorg osterlund",
        "LiXu and liXu",
        "alixu",
        "客王明来",
        "41112222 3333",
        "annlee",
        "Anna Lee",
        "",
        "x" * 99,
    ]
    lookup = Lookup(lambda: [(names, ["name"] * len(names))])
    lookup.look(texts[:4], 0)
    lookup.look(texts[4:], 4)
    found = {(texts[number], name) for number, name, *_ in lookup.hits()}
    assert found == {
        ("by jorg osterlund", "jorgosterlund"), ("LiXu and liXu", "lixu"), ("客王明来", "王明"),
        ("41112222 3333", "411122223333"), ("annlee", "annlee"), ("x" * 99, "x" * 90),
    }  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.text("ab ö", min_size=4, max_size=20), min_size=1, max_size=6),
    st.lists(st.text("ab ö", max_size=40), min_size=1, max_size=6),
)
def test_every_name_that_stands_in_a_text_is_found(names: list[str], texts: list[str]) -> None:
    lookup = Lookup(lambda: [(names, ["name"] * len(names))])
    lookup.look(texts, 0)
    found = {(number, name) for number, name, *_ in lookup.hits()}
    wanted = {form for name in names if len((form := forms.glued(name)).encode()) >= 4}
    assert found == {
        (number, form) for number, text in enumerate(texts) for form in wanted
        if (form in forms.glued(text) if len(form.encode()) >= 8 else form in forms.grams(text, 40))
    }  # fmt: skip


def test_labels_keep_words_that_are_somebodys_name(config: CompanyConfig, build: CompanyPaths) -> None:
    said = [FAMILY, "jorg", "0701 a1", "rang 070-123 45 67 twice", "0046701234567"]
    assert shown(config, build, "label", *said, NAME) == [*said[:3], "rang [number] twice", "[number]", "[name]"]


def test_a_brand_is_no_person(config: CompanyConfig, build: CompanyPaths) -> None:
    assert shown(config, build, "thing", NAME, NAME, NAME, "one") == [NAME] * 3 + ["one"]
    assert shown(config, build, "thing", NAME, "one") == ["[name]", "one"]


def test_texts_that_the_company_names_are_never_masked(shop: Shop, build: CompanyPaths) -> None:
    shop.configure(company={"privacy": {"never_masked": [NAME, "service@shop.example"]}})
    config = load_company("shop")
    assert shown(config, build, "label", NAME, f"write to service@shop.example, {EMAIL}") == [
        NAME, "write to service@shop.example, [e-mail]",
    ]  # fmt: skip


def test_only_allowed_attributes_are_published(shop: Shop, build: CompanyPaths) -> None:
    said = (
        '{"size": 36, "name": "Jörg Österlund", "note": "by Jörg Österlund", "deep": {"a": 1}}',
        "no JSON",
        '{"x": 1}',
    )
    assert shown(load_company("shop"), build, "facts", *said) == [None, None, None]
    shop.configure(company={"privacy": {"attributes": ["size", "note", "deep"]}})
    assert shown(load_company("shop"), build, "facts", *said) == [
        '{"size":36,"note":"by [name]","deep":{"a":1}}', None, None,
    ]  # fmt: skip


@pytest.mark.parametrize(("how", "expected"), [("clear", NAME), ("left_out", None)])
def test_the_company_may_grant_free_text_or_leave_it_out(
    shop: Shop, build: CompanyPaths, how: str, expected: str | None
) -> None:
    shop.configure(company={"privacy": {"free_text": how}})
    assert shown(load_company("shop"), build, "free", NAME) == [expected]
    assert shown(load_company("shop"), build, "label", NAME) == ["[name]"]


def test_ids_of_documents_lose_people_and_nothing_else(config: CompanyConfig, build: CompanyPaths) -> None:
    assert shown(config, build, "no", "A-1", "20240101000123", f"{EMAIL} 1", "0701234567", NAME) == [
        "A-1", "20240101000123", "[e-mail] 1", "0701234567", "[name]",
    ]  # fmt: skip


@settings(max_examples=300, deadline=None)
@given(st.text(st.sampled_from("aZö郭0 -%&#;\\u4e@.=+éςİ\u200b"), max_size=30), st.integers(0, 3))
def test_a_text_is_glued_at_once_as_it_is_alone(text: str, place: int) -> None:
    """By arithmetic on many texts, in a vector of a database, and one by one."""
    texts = ["ab cd", "x1Y", ""]
    texts.insert(place, text)
    found = dict.fromkeys(range(4), "")
    for part in glued(texts):
        for number in range(4):
            found[number] += bytes(part.data[part.owner == number]).decode().rstrip("\0").replace("\0", "")
    assert [found[n] for n in range(4)] == [forms.glued(forms.decoded(t)).replace(forms.SEPARATOR, "") for t in texts]
    with duckdb.connect() as con:
        forms.bind(con)
        row = con.execute("select decoded($1), folded($1), glued($1), worded($1)", [text]).fetchone()
    assert row == (forms.decoded(text), forms.folded(text), forms.glued(text), forms.worded(text))


def test_a_mask_covers_marks_and_gaps() -> None:
    said = unicodedata.normalize("NFD", f"<{GIVEN}> - <{FAMILY}>!")
    assert masked(said, "free_text", [("jorgosterlund", "name")]) == "<[name]>!"
