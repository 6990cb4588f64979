"""Exports of shop systems and tills that no form of the catalogue knows, by their public header lists."""

from __future__ import annotations

from decimal import Decimal

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestration.authoring.amounts import kind_of_amount
from orchestration.authoring.numbers import Evidence, forms_of, judge
from orchestration.authoring.profile import Profile
from orchestration.authoring.sales import OrderKey, Sales
from orchestration.authoring.summed_rows import without_sums
from orchestration.authoring.vocabulary import words
from orchestration.config.company import Formats
from orchestration.config.contracts import Column, load_contracts
from orchestration.conform.casting import typed
from orchestration.conform.times import Zones
from orchestration.platform.literals import quote_name
from tests.support.conforming import rows
from tests.support.drafting import Drafts

JTL = """\
Auftragsnummer;Auftragsdatum;Kundennummer;Firma;Anrede;Vorname;Nachname;PLZ;Ort;Land;E-Mail;Artikelnummer;\
Artikelname;Anzahl;\
VK Netto;VK Brutto;MwSt.;Währung;Zahlungsart;Auftragsstatus
AU1;05.01.2024;K1;;Frau;Ann;Alder;50667;Köln;Deutschland;a@x.test;A1;Tasse;2;10,00;11,90;19;EUR;PayPal;Versendet
AU1;05.01.2024;K1;;Frau;Ann;Alder;50667;Köln;Deutschland;a@x.test;A2;Topf;1;25,50;30,35;19;EUR;PayPal;Versendet
AU2;16.01.2024;K2;Birch GmbH;Herr;Bob;Birch;50668;Köln;Deutschland;b@x.test;A1;Tasse;3;10,00;11,90;19;EUR;\
Rechnung;Bezahlt
"""
SHOPWARE = """\
orderId;number;customerId;orderStatusID;shopId;invoiceAmount;invoiceAmountNet;invoiceShipping;\
invoiceShippingNet;orderTime;\
net;taxFree;currency;orderDetailId;articleId;taxId;taxRate;statusId;articleNumber;price;quantity;articleName
15;20001;1;2;1;44.90;37.73;4.90;4.12;2024-01-05 10:51:12;0;0;EUR;201;11;1;19;0;SW1;10.00;2;Tasse
15;20001;1;2;1;44.90;37.73;4.90;4.12;2024-01-05 10:51:12;0;0;EUR;202;12;1;19;0;SW2;20.00;1;Topf
16;20002;2;2;1;14.90;12.52;4.90;4.12;2024-01-07 11:51:12;0;0;EUR;203;11;1;19;0;SW1;10.00;1;Tasse
"""
PRESTASHOP = """\
ID;Référence;Nouveau client;Livraison;Client;Total;Paiement;État;Date
1;XKBKNABJK;1;France;J. DOE;61,80 €;Paiement par chèque;Paiement accepté;2024-01-05 11:19:13
2;OHSATSERP;0;France;J. DOE;1 169,90 €;Virement;Livré;2024-01-06 11:19:13
3;UOYEVOLI;1;France;A. BEE;14,90 €;Paiement par chèque;Annulé;2024-01-07 11:19:13
"""
MAGENTO = """\
ID,Purchase Point,Purchase Date,Bill-to Name,Grand Total (Base),Grand Total (Purchased),Status,Billing Address,\
Customer Email,\
Customer Group,Subtotal,Shipping and Handling,Customer Name,Payment Method,Total Refunded
000000001,Main,2024-01-05 10:00:00,Ann,$36.39,$36.39,Complete,"Weg 1",a@x.test,General,$29.00,$5.00,Ann Alder,\
checkmo,$0.00
000000002,Main,2024-01-06 10:00:00,Bob,$39.64,$39.64,Complete,"Weg 2",b@x.test,General,$32.00,$5.00,Bob Birch,\
checkmo,$10.00
"""
SQUARE = """\
Date,Time,Time Zone,Category,Item,Qty,Price Point Name,SKU,Gross Sales,Discounts,Net Sales,Tax,Transaction ID,\
Payment ID,\
Event Type,Location,Customer ID,Customer Name,Unit,Count
2024-01-05,10:15:20,Eastern Time,Coffee,Latte,2.0,Regular,L1,$9.00,-$0.90,$8.10,$0.70,T1,P1,Payment,Main,CU1,\
Ann Alder,ea,2
2024-01-05,10:15:20,Eastern Time,Food,Bagel,1.0,Regular,B1,$3.00,$0.00,$3.00,$0.30,T1,P1,Payment,Main,CU1,Ann Alder,ea,1
2024-01-06,11:15:20,Eastern Time,Coffee,Latte,1.0,Regular,L1,$4.50,$0.00,$4.50,$0.40,T2,P2,Payment,Main,,,ea,1
2024-01-07,11:15:20,Eastern Time,Coffee,Latte,-1.0,Regular,L1,-$4.50,$0.00,-$4.50,-$0.40,T3,P3,Refund,Main,,,ea,-1
"""
ETSY = """\
Sale Date,Item Name,Buyer,Quantity,Price,Coupon Code,Discount Amount,Shipping Discount,Order Shipping,Order Sales Tax,\
Item Total,Currency,Transaction ID,Listing ID,Date Paid,Date Shipped,Ship Name,Ship City,Ship State,\
Ship Country,Order ID,SKU
01/15/24,Mug,Ann Alder (ann1),2,10.00,,0.00,0.00,5.00,0.00,20.00,USD,9001,801,01/15/24,01/16/24,Ann,Boston,MA,\
United States,7001,M1
01/15/24,Pot,Ann Alder (ann1),1,30.00,SALE,3.00,0.00,5.00,0.00,30.00,USD,9002,802,01/15/24,01/16/24,Ann,Boston,\
MA,United States,7001,P1
01/20/24,Mug,Bob Birch (bob1),1,10.00,,0.00,0.00,0.00,0.00,10.00,USD,9003,801,01/20/24,,Bob,Austin,TX,\
United States,7002,M1
"""
WEBTOFFEE = """\
order_id,order_number,order_date,status,shipping_total,shipping_tax_total,fee_total,tax_total,cart_discount,\
order_discount,\
discount_total,order_total,order_subtotal,order_currency,payment_method,customer_id,customer_email,\
billing_first_name,line_item_1
51,51,2024-01-05 10:00:00,completed,5.00,0.00,0.00,4.00,0.00,0.00,0.00,49.00,40.00,EUR,bacs,7,a@x.test,Ann,\
name:Mug|quantity:4
52,52,2024-01-06 10:00:00,processing,5.00,0.00,0.00,2.00,2.00,0.00,2.00,25.00,20.00,EUR,bacs,8,b@x.test,Bob,\
name:Mug|quantity:2
"""
GAMBIO = """\
orders_id|customers_id|customers_name|customers_email_address|billing_country|date_purchased|orders_status|currency|\
products_name|products_quantity|products_price|order_total
400210|1|Ann Alder|a@x.test|Germany|2024-01-05 10:00:00|Versendet|EUR|Tasse|2|10.00|44.90
400210|1|Ann Alder|a@x.test|Germany|2024-01-05 10:00:00|Versendet|EUR|Topf|1|20.00|44.90
400211|2|Bob Birch|b@x.test|Germany|2024-01-06 10:00:00|Bezahlt|EUR|Tasse|1|10.00|14.90
"""

# Export → text, questions with the answer that its shop gives, what it sold for goods worked by hand, orders.
OTHERS: dict[str, tuple[str, tuple[tuple[str, int], ...], str, int]] = {
    "jtl": (JTL, (), "75.5", 2),  # 2 x 10 + 25.50, 3 x 10: net prices of a piece
    "shopware": (SHOPWARE, (), "50", 2),  # 2 x 10 + 20, 10: totals less shipping agree
    "prestashop": (PRESTASHOP, (), "1246.6", 3),  # totals, for nothing else is there
    "magento": (MAGENTO, (("where", 0),), "61", 2),
    "square": (SQUARE, (), "11.1", 3),  # 8.10 + 3 + 4.50 less 4.50 given back
    "etsy": (ETSY, (("net_amount", 1),), "57", 2),  # 20 + 30 + 10 less a coupon of 3
    "webtoffee": (WEBTOFFEE, (), "58", 2),  # 40, and 20 less 2: total is goods + shipping + tax - discount
    "gambio": (GAMBIO, (("net_amount", 0),), "50", 2),  # 2 x 10 + 20, 10; the totals hold 4.90 of postage each
}


@pytest.mark.parametrize("name", OTHERS)
def test_exports_that_no_form_knows(drafts: Drafts, name: str) -> None:
    text, answers, total, orders = OTHERS[name]
    drafts.put("export.csv", text)
    said = drafts.init()
    assert ("question(s)" in said) == bool(answers)
    for question, choice in answers:
        drafts.answer(question, choice)
    assert drafts.sales() == (Decimal(total), orders)


def test_names_of_customers_and_products_of_a_german_shop(drafts: Drafts) -> None:
    drafts.put("export.csv", JTL)
    drafts.init()
    config = drafts.loaded()
    assert rows(config, "select product_id, name from input.product order by 1") == [("A1", "Tasse"), ("A2", "Topf")]
    found = rows(config, "select customer_id, given_name, family_name, full_name from input.customer order by 1")
    assert found == [("K1", "Ann", "Alder", None), ("K2", "Bob", "Birch", None)]


def test_a_refund_of_a_shop_that_counts_it_is_a_payment(drafts: Drafts) -> None:
    """10.00 went back of 32.00 of goods and 5.00 of shipping."""
    drafts.put("export.csv", MAGENTO)
    drafts.init()
    drafts.answer("where", 0)
    drafts.loaded()
    found = rows(drafts.config(), "select order_id, amount from input.payment order by 2")
    assert found == [("000000002", Decimal("-10")), ("000000002", Decimal("37"))]


# Words that mean several things -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "header", ["Bezeichnung", "Artikelbezeichnung", "Libellé", "Désignation", "Descripción", "商品名称"]
)
def test_the_name_of_a_thing_is_no_persons(drafts: Drafts, header: str) -> None:
    drafts.put(
        "sales.csv",
        f"Beleg;Datum;Kundennummer;Artikelnummer;{header};Menge;Betrag\n1;05.01.2024;K1;A1;Tasse blau;2;10,00\n"
        "1;05.01.2024;K1;A2;Topf rot;1;7,50\n2;06.01.2024;K2;A1;Tasse blau;1;5,00\n",
    )
    drafts.init()
    config = drafts.loaded()
    assert rows(config, "select name from input.product order by product_id") == [("Tasse blau",), ("Topf rot",)]
    assert rows(config, "select count(full_name), count(family_name) from input.customer") == [(0, 0)]


@pytest.mark.parametrize(("name", "thing"), [("Name", False), ("Name", True), ("Nom", False), ("Nom", True)])
def test_a_name_is_whose_values_say(drafts: Drafts, name: str, thing: bool) -> None:
    """One name for each customer, or one for each article."""
    cells = ["Mug", "Pot", "Mug", "Pot"] if thing else ["Ann", "Ann", "Bob", "Bob"]
    lines = zip(("1", "1", "2", "2"), ("K1", "K1", "K2", "K2"), ("A1", "A2", "A1", "A2"), cells, strict=True)
    body = "".join(f"{o},2024-01-05,{c},{p},{n},1,{i}.50\n" for i, (o, c, p, n) in enumerate(lines))
    drafts.put("sales.csv", f"Order,Date,Customer ID,SKU,{name},Qty,Amount\n{body}")
    drafts.init()
    config = drafts.loaded()
    people = rows(config, "select full_name from input.customer order by customer_id")
    assert people == ([(None,), (None,)] if thing else [("Ann",), ("Bob",)])
    things = rows(config, "select name from input.product order by product_id")
    assert things == ([("Mug",), ("Pot",)] if thing else [(None,), (None,)])


def test_a_customer_called_by_name_is_named(drafts: Drafts) -> None:
    drafts.put(
        "sales.csv",
        "Beleg;Datum;Kunde;Artikel;Menge;Betrag\n1;05.01.2024;Ann Alder;A;2;10,00\n2;06.01.2024;Bob Birch;B;1;5,50\n",
    )
    drafts.init()
    found = rows(drafts.loaded(), "select customer_id, full_name from input.customer order by 1")
    assert found == [("Ann Alder", "Ann Alder"), ("Bob Birch", "Bob Birch")]


@pytest.mark.parametrize(
    ("header", "person", "parts"),
    [("KundenNr;Vorname;Name;PLZ;E-Mail", "1;Ann;Alder;50667;a@x.test", ("Ann", "Alder", None)),
     ("KundenNr;Vorname;Name;PLZ;E-Mail", "1;Ann;Ann Alder;50667;a@x.test", ("Ann", None, "Ann Alder")),
     ("Código;Nombre;Apellidos;Correo electrónico", "1;Ana;Gomez;a@x.test", ("Ana", "Gomez", None)),
     ("Identifiant client;Prénom;Nom;Courriel", "1;Anne;Aulne;a@x.test", ("Anne", "Aulne", None))],
)  # fmt: skip
def test_a_name_beside_another_is_the_rest_of_it(
    drafts: Drafts, header: str, person: str, parts: tuple[str | None, ...]
) -> None:
    drafts.put("customers.csv", f"{header}\n{person}\n")
    drafts.init()
    found = rows(drafts.loaded(), "select given_name, family_name, full_name from input.customer")
    assert found == [parts]


def test_a_state_is_a_region_where_its_values_are(drafts: Drafts) -> None:
    drafts.put(
        "orders.csv", "order_id,order_date,customer_id,State,total\n1,2024-01-05,a,NY,3.50\n2,2024-01-06,b,CA,4.50\n"
    )
    drafts.init()
    assert rows(drafts.loaded(), "select region from input.customer order by 1") == [("CA",), ("NY",)]
    assert "status" not in drafts.maps()["sales_order"]["columns"]


@pytest.mark.parametrize(
    ("name", "terms"),
    [("Art", {"art"}), ("Art.-Nr.", {"product", "id"}), ("Stock", {"stock"}), ("StockCode", {"product", "id"}),
     ("客户名称", {"customer", "name"}), ("商品名称", {"product", "name"}), ("Produktbezeichnung", {"product", "name"}),
     ("Sale Date", {"order", "at"}), ("Net sales", {"net", "amount"})],
)  # fmt: skip
def test_words_that_mean_their_term_only_beside_others(name: str, terms: set[str]) -> None:
    assert set(words(name)) == terms


@pytest.mark.parametrize(
    ("name", "kind"),
    [("Nettopreis", "prices"), ("VK Netto", "prices"), ("Item price", "prices"), ("Gesamtpreis", "totals"),
     ("Positionspreis", "totals"), ("Total price", "totals"), ("Extended Price", "totals"), ("Prix total", "totals"),
     ("Prix unitaire HT", "prices"), ("Erstattungsbetrag", None), ("tax rate", None), ("MwSt", "tax")],
)  # fmt: skip
def test_prices_of_a_piece_and_of_all(name: str, kind: str | None) -> None:
    assert kind_of_amount(name) == kind


# Numbers grouped as in India ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("amounts", "total"),
    [(('"1,23,456.50"', '"12,34,567.00"'), "1358023.5"), (('"₹1,23,456"', "₹500"), "123956"),
     (('"Rs. 1,00,000"', '"Rs. 12,500"'), "112500"), (('"1,23,456"', '"12,500"'), "135956")],
)  # fmt: skip
def test_lakhs_are_read(drafts: Drafts, amounts: tuple[str, str], total: str) -> None:
    body = "".join(f"{i},2024-01-0{i},a,{amount}\n" for i, amount in enumerate(amounts, start=1))
    drafts.put("orders.csv", f"Invoice No,Invoice Date,Customer,Invoice Total\n{body}")
    drafts.init()
    assert drafts.config().sources["shop"].formats.grouping == "lakhs"
    assert drafts.sales() == (Decimal(total), 2)


# Amazon ---------------------------------------------------------------------------------------------------------------


def test_amazon_items_count_once_each_and_promotions_come_off(drafts: Drafts) -> None:
    """item-price is for the whole quantity: 30 less 3, and 12.50; the cancelled item has no price."""
    names = "amazon-order-id purchase-date order-status sku product-name quantity currency item-price item-tax"
    head = f"{names} shipping-price item-promotion-discount\n".replace(" ", "\t")
    drafts.put(
        "orders.txt",
        f'{head}702-1\t2024-01-05T10:00:00+00:00\tShipped\tM1\tMug 5" blue\t3\tUSD\t30.00\t2.40\t4.99\t3.00\n'
        "702-1\t2024-01-05T10:00:00+00:00\tShipped\tP1\tPot\t1\tUSD\t12.50\t1.00\t0.00\t\n"
        "702-2\t2024-01-06T10:00:00+00:00\tCancelled\tP1\tPot\t1\tUSD\t\t\t\t\n",
    )
    said = drafts.init()
    assert "Amazon order report, all orders: sales_order, order_line, product" in said
    assert drafts.sales() == (Decimal("39.5"), 2)
    found = rows(
        drafts.config(), "select order_id, status, shipping_amount, tax_amount from input.sales_order order by 1"
    )
    assert found == [("702-1", "shipped", Decimal("4.99"), Decimal("3.40")), ("702-2", "cancelled", None, None)]
    assert rows(drafts.config(), "select sum(quantity), count(*) from input.order_line") == [(Decimal("4"), 2)]


@pytest.mark.parametrize(
    ("value", "expected"),
    [("1,23,456.50", "123456.5000"), ("12,34,567", "1234567.0000"), ("99,999.5", "99999.5000"), ("500", "500.0000"),
     ("-1,00,000", "-100000.0000"), ("123,456", None), ("1,234,567", None), ("0,12,345", None), ("1,23", None)],
)  # fmt: skip
def test_text_grouped_as_in_india(value: str, expected: str | None) -> None:
    spec = Column.model_validate({"type": "money", "description": "any"})
    sql = typed("$1::varchar", "VARCHAR", spec, Zones("UTC", "UTC"), Formats(thousands=",", grouping="lakhs"))
    with duckdb.connect() as con:
        assert con.execute(f"select ({sql})::varchar", [value]).fetchone() == (expected,)


def indian(number: Decimal) -> str:
    """A number with two decimals as India writes it: three digits behind, then groups of two."""
    whole, _, cents = f"{number:.2f}".partition(".")
    head, tail = whole[:-3], whole[-3:]
    pairs = [head[max(i - 2, 0) : i] for i in range(len(head), 0, -2)][::-1]
    return ",".join([*pairs, tail]) + "." + cents


@given(st.lists(st.decimals(min_value=0, max_value=999_999_999, places=2), min_size=1, max_size=20))
def test_indian_numbers_are_always_read_back(numbers: list[Decimal]) -> None:
    texts = [indian(number) for number in numbers]
    found = Evidence()
    for text in texts:
        found.numbers += 1
        judge(text, 1, found)
    [form] = forms_of(found)
    assert [Decimal(form.read(text)) for text in texts] == numbers
    assert (form.grouping == "lakhs") == any(number >= 100_000 for number in numbers)


@given(
    st.lists(st.lists(st.integers(1, 50_000), min_size=1, max_size=4), min_size=1, max_size=6),
    st.sampled_from(["Total", "Summe", "小计", "Sous-total"]),
    st.booleans(),
)
@settings(max_examples=25, deadline=None)
def test_totals_among_rows_are_left_out_and_no_line_is(orders: list[list[int]], word: str, has_foot: bool) -> None:
    """Below each order its total, and that of all at the foot: every line stays, no total does."""
    cells: list[tuple[str | None, ...]] = []
    for number, cents in enumerate(orders, start=1):
        cells += [(f"O{number}", "2024-01-05", "K1", f"A{i}", f"{c / 100:.2f}") for i, c in enumerate(cents)]
        cells.append((word, None, None, None, f"{sum(cents) / 100:.2f}"))
    if has_foot:
        cells.append((f"{word}:", None, None, None, f"{sum(map(sum, orders)) / 100:.2f}"))
    con = duckdb.connect()
    names = ("Order", "Date", "Customer", "SKU", "Amount")
    con.execute(f"create table rows ({', '.join(f'{quote_name(n)} varchar' for n in names)}, _source_file varchar, "
                "_source_row bigint)")  # fmt: skip
    con.executemany("insert into rows values (?, ?, ?, ?, ?, 'a.csv', ?)", [(*c, i) for i, c in enumerate(cells)])
    sales = Sales(Profile("sales", con, dict.fromkeys(names, "VARCHAR")), load_contracts())
    kept = without_sums(sales, OrderKey('"Order"', "Order"))
    assert kept.where is None
    left = kept.profile.all('select "Order", count(*) from rows group by 1 order by 1')
    assert dict(left) == {f"O{number}": len(cents) for number, cents in enumerate(orders, start=1)}
