"""Names, addresses, telephone numbers and companies as people write them, each in one comparable form."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models_ml.identity.fields import (
    parse_address,
    parse_email,
    parse_organisation,
    parse_phone,
    parse_place,
    parse_written_phone,
)
from models_ml.identity.names import parse_person


@pytest.mark.parametrize(
    ("written", "given", "family"),
    [
        ("郭倉義教授", "cangyi", "guo"),
        ("郭倉義先生", "cangyi", "guo"),
        ("Guo Cang-yi", "guo", "cangyi"),
        ("歐陽修", "xiu", "ouyang"),
        ("王麗君 女士", "lijun", "wang"),
        ("Prof. Dr. Jane van Dyke", "jane", "dyke"),
        ("Mr J v. Dyke", "j", "dyke"),
        ("VAN DYKE JANE", "jane", "dyke"),
        ("Müller, Anna", "anna", "muller"),
        ("Anna Mueller", "anna", "muller"),
        ("Mrs. Anna-Lena Voß", "annalena", "voss"),
        ("VOẞ ANNA", "voss", "anna"),
        ("John O'Neil Jr., PhD", "john", "oneil"),
        ("Sir Thomas Chudleigh, 2nd Baronet", "thomas", "chudleigh"),
        ("Ernest Vaughan, 4th Earl of Lisburne", "ernest", "vaughan"),
        ("Zoë Łukasz", "zo", "lukasz"),  # as Zoe: oe is folded like ö
        ("Cher", None, "cher"),
        ("Baron Davis", "baron", "davis"),
        ("Dr.", None, "dr"),
        ("  ", None, None),
        ("123", None, "123"),
    ],
)
def test_whole_names(written: str, given: str | None, family: str | None) -> None:
    name = parse_person(None, None, None, written)
    assert (name.given, name.family) == (given, family)


def test_titles_are_kept_apart_and_middle_names_too() -> None:
    name = parse_person("Frau", "Mary Ann", "Smith", None)
    assert name == ("frau", "mary", "ann", "smith", None)
    assert parse_person(None, None, None, "郭倉義教授").title == "教授"
    assert parse_person(None, "倉義", "郭", None).han == parse_person(None, None, None, "郭仓义先生").han == "郭仓义"


def test_a_hidden_whole_name_in_the_family_field_is_taken_apart() -> None:
    name = parse_person(None, None, "Jane van Dyke", None)
    assert (name.given, name.family) == ("jane", "dyke")


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("Jane.Doe+news@GoogleMail.com", "janedoe@gmail.com"),
        (" <Jane.Doe@Example.COM> ", "jane.doe@example.com"),
        ("jane@localhost", None),
        ("not an address", None),
        ("a@b@c.de", None),
    ],
)
def test_email(written: str, expected: str | None) -> None:
    assert parse_email(written) == expected


@pytest.mark.parametrize(
    ("written", "country", "expected"),
    [
        ("0171 2345678", "DE", "+491712345678"),
        ("+49 (0)171-234 56 78", "DE", "+491712345678"),
        ("0049 171 2345678", "DE", "+491712345678"),
        ("(212) 555-0123", "US", "+12125550123"),
        ("06 698 12345", "IT", "+390669812345"),
        ("0171 2345678", "ZZ", None),
        ("000", "DE", None),
        ("n/a", "DE", None),
    ],
)
def test_phone(written: str, country: str, expected: str | None) -> None:
    assert parse_phone(written, country) == expected


@given(
    st.from_regex(r"0?[0-9]{2,4}[ /-]?[0-9]{3,9}", fullmatch=True),
    st.sampled_from(["DE", "GB", "US", "FR", "IT", "CN"]),
)
@settings(max_examples=200, deadline=None)
def test_numbers_read_by_the_dialling_plan_are_read_as_the_library_reads_them(written: str, country: str) -> None:
    assert parse_phone(written, country) == parse_written_phone(written, country)


@pytest.mark.parametrize(
    ("written", "street", "number"),
    [
        ("Hauptstraße 12a", "haupt st", "12"),
        ("HAUPTSTRASSE 12", "haupt st", "12"),
        ("12 Giblin Street", "giblin st", "12"),
        ("中山路12號", "中山路", "12"),
        ("Dorfplatz", "dorfplatz", None),
    ],
)
def test_address(written: str, street: str | None, number: str | None) -> None:
    assert parse_address(written) == (street, number)


def test_cities() -> None:
    assert parse_place("臺北市") == parse_place("台北")
    assert parse_place("MÜNCHEN") == parse_place("München") == "munchen"


@pytest.mark.parametrize(
    ("written", "core"),
    [
        ("Müller & Söhne GmbH & Co. KG", "muller sohne"),
        ("MUELLER + SOEHNE", "muller sohne"),
        ("Acme 5 Co., Ltd.", "acme 5"),
        ("The Acme Company", "acme"),
        ("深圳騰訊股份有限公司", "深圳腾讯"),
        ("株式会社ソニー", "ソニー"),
        ("GmbH", "gmbh"),
    ],
)
def test_organisations_without_their_legal_form(written: str, core: str) -> None:
    assert parse_organisation(written).core == core
