"""Small exports as systems write them, by their public header lists, each with what was sold for goods."""

from __future__ import annotations

import csv
import datetime as dt
import itertools
from collections.abc import Callable, Iterable, Sequence
from decimal import Decimal
from pathlib import Path

from openpyxl import Workbook

ORDERS = 60
FIRST = dt.datetime(2024, 1, 3, 10, 30)

SHOPIFY = (
    "Name,Email,Financial Status,Paid at,Fulfillment Status,Fulfilled at,Accepts Marketing,Currency,Subtotal,Shipping,"
    "Taxes,Total,Discount Code,Discount Amount,Shipping Method,Created at,Lineitem quantity,Lineitem name,"
    "Lineitem price,Lineitem compare at price,Lineitem sku,Lineitem requires shipping,Lineitem taxable,"
    "Lineitem fulfillment status,Billing Name,Billing City,Billing Zip,Billing Country,Notes,Cancelled at,"
    "Refunded Amount,Vendor,Id,Source"
)
WOOCOMMERCE = (
    "Order Number,Order Status,Order Date,First Name (Billing),Last Name (Billing),Email (Billing),City (Billing),"
    "Cart Discount Amount,Order Subtotal Amount,Order Shipping Amount,Order Total Amount,Order Total Tax Amount,SKU,"
    "Item #,Item Name,Quantity (- Refund),Item Cost"
)
OLIST = {
    "orders": "order_id,customer_id,order_status,order_purchase_timestamp,order_approved_at,"
    "order_delivered_carrier_date,order_delivered_customer_date,order_estimated_delivery_date",
    "customers": "customer_id,customer_unique_id,customer_zip_code_prefix,customer_city,customer_state",
    "order_items": "order_id,order_item_id,product_id,seller_id,shipping_limit_date,price,freight_value",
    "order_payments": "order_id,payment_sequential,payment_type,payment_installments,payment_value",
    "products": "product_id,product_category_name,product_weight_g",
    "sellers": "seller_id,seller_zip_code_prefix,seller_city,seller_state",
}
GERMAN = "Bestellnummer,Bestelldatum,Kundennummer,Artikelnummer,Bezeichnung,Menge,Einzelpreis,Gesamtbetrag,Status"
Rows = list[list[object]]


def when(order: int) -> dt.datetime:
    """The moment of an order: three days apart."""
    return FIRST + dt.timedelta(days=3 * order)


def parts(order: int) -> list[tuple[str, int, Decimal]]:
    """Product, pieces and price of the lines of an order, one to three."""
    return [(f"P{(order + j) % 7}", 1 + (order + j) % 3, Decimal(250 + 35 * order + 110 * j) / 100)
            for j in range(1 + order % 3)]  # fmt: skip


def worth(order: int) -> Decimal:
    """What the goods of an order cost."""
    return sum((pieces * price for _, pieces, price in parts(order)), Decimal(0))


def goods() -> Decimal:
    """What the goods of all orders cost."""
    return sum((worth(order) for order in range(1, ORDERS + 1)), Decimal(0))


def put(path: Path, header: str, rows: Iterable[Sequence[object]], delimiter: str = ",", code: str = "utf-8") -> None:
    """Write a text file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="", encoding=code) as handle:
        writer = csv.writer(handle, delimiter=delimiter)
        writer.writerow(header.split(","))
        writer.writerows(rows)


def shopify(folder: Path) -> Decimal:
    """Orders export; the order's own columns stand on its first line only. Every fifth order has a tenth off."""
    rows, sold = [], Decimal(0)
    for order in range(1, ORDERS + 1):
        off = (worth(order) / 10).quantize(Decimal("0.01")) if order % 5 == 0 else Decimal(0)
        net, stamp = worth(order) - off, f"{when(order)} -0500"
        sold += net
        for place, (sku, pieces, price) in enumerate(parts(order)):
            line: dict[str, object] = {
                "Name": f"#{1000 + order}", "Email": f"Buyer{order % 9}@shop.test", "Created at": stamp,
                "Lineitem quantity": pieces, "Lineitem name": f"Thing {sku}", "Lineitem price": price,
                "Lineitem sku": sku, "Vendor": "Own",
            }  # fmt: skip
            if place == 0:
                line |= {
                    "Financial Status": "paid", "Paid at": stamp, "Fulfillment Status": "fulfilled", "Currency": "USD",
                    "Subtotal": net, "Shipping": "5.00", "Taxes": "1.00", "Total": net + 6, "Discount Amount": off,
                    "Billing Name": f"Buyer {order % 9}", "Billing City": "Boston", "Billing Zip": "'02108",
                    "Billing Country": "US", "Id": 5_551_000 + order, "Source": "web", "Refunded Amount": "0.00",
                }  # fmt: skip
            rows.append([line.get(name, "") for name in SHOPIFY.split(",")])
    put(folder / "orders_export_1.csv", SHOPIFY, rows)
    return sold


def woocommerce(folder: Path) -> Decimal:
    """One row per item; the order's columns on each."""
    rows: Rows = []
    for order in range(1, ORDERS + 1):
        buyer, stamp = order % 9, f"{when(order):%Y-%m-%d %H:%M}"
        total = worth(order) + Decimal("4.90") + Decimal("1.10")
        head: list[object] = [order, "completed", stamp, "Ann", f"Alder{buyer}", f"a{buyer}@shop.test", "Ulm", 0]
        for place, (sku, pieces, price) in enumerate(parts(order), start=1):
            rows.append([*head, worth(order), "4.90", total, "1.10", sku, place, f"Thing {sku}", pieces, price])
    put(folder / "orders.csv", WOOCOMMERCE, rows)
    return goods()


def olist(folder: Path) -> Decimal:
    """Six tables; a row of items is one piece, and each order has a customer of its own with the person beside it."""
    states = itertools.cycle(["delivered", "shipped", "invoiced", "processing", "approved", "created"])
    orders: Rows = []
    people: Rows = []
    items: Rows = []
    paid: Rows = []
    for order in range(1, ORDERS + 1):
        key, stamp = f"o{order:031d}", when(order)
        orders.append([key, f"c{order:031d}", next(states), stamp, stamp, stamp, "", stamp + dt.timedelta(days=20)])
        people.append([f"c{order:031d}", f"u{order % 9:031d}", "01310", "sao paulo", "SP"])
        pieces = [(sku, price) for sku, count, price in parts(order) for _ in range(count)]
        items += [[key, place, sku, "s1", stamp, price, "15.10"] for place, (sku, price) in enumerate(pieces, start=1)]
        paid.append([key, 1, "credit_card", 1, worth(order) + 15 * len(pieces)])
    products: Rows = [[f"P{i}", "beleza_saude", 100 + i] for i in range(7)]
    sellers: Rows = [["s1", "01310", "sao paulo", "SP"]]
    for (name, header), rows in zip(OLIST.items(), (orders, people, items, paid, products, sellers), strict=True):
        put(folder / f"olist_{name}_dataset.csv", header, rows)
    return goods()


def german(number: Decimal, places: str = "0.01") -> str:
    """A number with a decimal comma and points between thousands."""
    return f"{number.quantize(Decimal(places)):,}".replace(",", "T").replace(".", ",").replace("T", ".")


def german_shop(folder: Path) -> Decimal:
    """Two files with semicolons in the Western code page; the order's total is repeated on each line."""
    states = ("bezahlt", "versendet", "abgeschlossen")
    for part, orders in enumerate((range(1, 31), range(31, ORDERS + 1)), start=1):
        rows: Rows = []
        for order in orders:
            head: list[object] = [f"B{order}", f"{when(order):%d.%m.%Y}", f"K{order % 9}"]
            total, state = german(worth(order) * 100), states[order % 3]
            for sku, pieces, price in parts(order):
                amounts = [german(Decimal(pieces), "0.001"), german(price * 100), total]
                rows.append([*head, sku, f"Käse {sku}", *amounts, state])
        put(folder / f"Bestellungen 2024-{part}.csv", GERMAN, rows, ";", "cp1252")
    return goods() * 100


def workbook(folder: Path) -> Decimal:
    """A title above sales lines, and customers on a second sheet."""
    book = Workbook()
    lines, people = book.active, book.create_sheet("Customers")
    assert lines is not None
    lines.title = "Sales"
    lines.append(["Sales 2024, printed by the till"])
    lines.append([])
    lines.append(["Receipt No", "Date", "Customer ID", "Item", "Qty", "Unit Price", "Amount"])
    for order in range(1, ORDERS + 1):
        for sku, pieces, price in parts(order):
            lines.append([order, when(order), f"C{order % 9}", sku, pieces, float(price), float(pieces * price)])
    people.append(["Customer ID", "First Name", "Last Name", "E-mail"])
    for i in range(9):
        people.append([f"C{i}", "Ann", f"Alder{i}", f"ann{i}@shop.test"])
    folder.mkdir(parents=True, exist_ok=True)
    book.save(folder / "report.xlsx")
    return goods()


EXPORTS: dict[str, Callable[[Path], Decimal]] = {
    "woocommerce": woocommerce,
    "shopify": shopify,
    "olist": olist,
    "german_shop": german_shop,
    "workbook": workbook,
}
