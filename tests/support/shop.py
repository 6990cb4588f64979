"""A small company for tests: parquet files made by SQL from a seed, and the YAML that maps them."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import duckdb
import yaml

from orchestration.platform.literals import exact_path, quote

CUSTOMERS, PRODUCTS, ORDERS = 40, 12, 400

COMPANY = {
    "name": "shop",
    "title": "Corner Shop",
    "currency": "EUR",
    "timezone": "Europe/Berlin",
    "week_start": "monday",
    "privacy": {"clear_keys": True},
    "resources": {"disk_headroom": "1MB"},
}

SOURCE = {
    "system": "till",
    "timezone": "Europe/Berlin",
    "tables": {"customers": None, "products": None, "orders": None, "lines": None},
    "maps": {
        "customer": {
            "from": "customers",
            "columns": {
                "customer_id": "id",
                "full_name": "name",
                "gender": "gender",
                "updated_at": "changed_at",
            },
        },
        "product": {"from": "products", "columns": {"product_id": "sku", "name": "name", "category_1": "family"}},
        "sales_order": {
            "from": "orders",
            "columns": {
                "order_id": "order_no",
                "customer_id": "customer",
                "ordered_at": "placed_at",
                "status": "state",
                "cancelled_at": "case when state = 'cancelled' then placed_at end",
                "net_amount": "total",
            },
        },
        "order_line": {
            "from": "lines",
            "columns": {
                "order_id": "order_no",
                "line_no": "line_no",
                "product_id": "sku",
                "quantity": "pieces",
                "gross_amount": "gross",
                "net_amount": "net",
            },
        },
    },
}

# Arithmetic on row numbers instead of random numbers: the same data on every machine and version.
# Every ninth order is anonymous, every thirteenth cancelled; product 99 is sold but not in the catalogue.
DATA = {
    "customers": f"""
        select 'C' || i as id, 'Customer ' || i as name,
          case i % 3 when 0 then 'female' when 1 then 'male' end as gender,
          timestamp '2024-01-01' + to_days(i::integer) as changed_at
        from range(1, {CUSTOMERS} + 1) t(i)
    """,
    "products": f"""
        select 'P' || i as sku, 'Product ' || i as name, 'Family ' || (i % 3) as family
        from range(1, {PRODUCTS} + 1) t(i)
    """,
    "orders": f"""
        select 'O' || i as order_no,
          case when i % 9 = 0 then null else 'C' || (1 + (i * i) % {CUSTOMERS}) end as customer,
          timestamp '2024-01-03 10:00:00' + to_hours((i * 17)::integer) as placed_at,
          case when i % 13 = 0 then 'cancelled' else 'completed' end as state,
          ((i % 7) + 1) * 10.5 + case when i % 5 = 0 then 4.25 else 0 end as total
        from range(1, {ORDERS} + 1) t(i)
    """,
    "lines": f"""
        select 'O' || i as order_no, 1 as line_no, 'P' || (1 + i % {PRODUCTS}) as sku, (i % 7) + 1 as pieces,
          ((i % 7) + 1) * 12.0 as gross, ((i % 7) + 1) * 10.5 as net
        from range(1, {ORDERS} + 1) t(i)
        union all
        select 'O' || i, 2, 'P99', 1, 4.25, 4.25 from range(1, {ORDERS} + 1) t(i) where i % 5 = 0
    """,
}


@dataclass
class Shop:
    """The company's folders below one root."""

    root: Path
    name: ClassVar[str] = "shop"

    @property
    def home(self) -> Path:
        """REGULARS_HOME."""
        return self.root / "home"

    @property
    def companies(self) -> Path:
        """REGULARS_COMPANIES."""
        return self.root / "companies"

    @property
    def data(self) -> Path:
        """Folder of the source's files."""
        return self.root / "data"

    @property
    def state(self) -> Path:
        """The company's runtime state."""
        return self.home / self.name

    @property
    def published(self) -> Path:
        """The file that readers open."""
        return self.state / "published" / "current" / "regulars.duckdb"

    def write(self) -> None:
        """Write data and configuration."""
        self.data.mkdir(parents=True, exist_ok=True)
        for table, sql in DATA.items():
            self.put(table, sql)
        self.configure()

    def configure(self, company: dict[str, object] | None = None, source: dict[str, object] | None = None) -> None:
        """Write company.yml and sources/till.yml."""
        folder = self.companies / "shop"
        (folder / "sources").mkdir(parents=True, exist_ok=True)
        (folder / "company.yml").write_text(yaml.safe_dump(COMPANY | (company or {})))
        os.environ["SHOP_DATA"] = str(self.data)
        whole = SOURCE | {"connector": {"kind": "parquet", "path": "${SHOP_DATA}"}} | (source or {})
        (folder / "sources" / "till.yml").write_text(yaml.safe_dump(whole, sort_keys=False))

    def with_table(self, name: str, **spec: object) -> None:
        """Write the configuration with one table's loading changed."""
        self.configure(source={"tables": {**SOURCE["tables"], name: spec}})  # type: ignore[dict-item]

    def with_map(self, entity: str, **changes: object) -> None:
        """Write the configuration with one map changed."""
        maps = {**SOURCE["maps"], entity: {**SOURCE["maps"][entity], **changes}}  # type: ignore[dict-item, index]
        self.configure(source={"maps": maps})

    def put(self, table: str, sql: str) -> None:
        """Write a table's file from a query; `{table}` in it is the file as it was."""
        path = self.data / f"{table}.parquet"
        temporary = path.with_suffix(".new")
        query = sql.format(table=f"read_parquet({quote(exact_path(path))})")
        with duckdb.connect() as con:
            con.execute(f"copy ({query}) to {quote(temporary)} (format parquet)")
        temporary.replace(path)

    def environment(self) -> dict[str, str]:
        """Environment of a `regulars` process on this company."""
        return os.environ | {
            "REGULARS_HOME": str(self.home),
            "REGULARS_COMPANIES": str(self.companies),
            "SHOP_DATA": str(self.data),
            "REGULARS_COMPANY": self.name,
            "COLUMNS": "200",
        }

    def regulars(self, *arguments: str, timeout: int = 300) -> subprocess.CompletedProcess[str]:
        """Run the command line to its end."""
        return subprocess.run(
            [*command(), *arguments],
            env=self.environment(),
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """Start the command line and go on."""
        return subprocess.Popen(
            [*command(), *arguments],
            env=self.environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )


def command() -> list[str]:
    """The command line, in the interpreter that runs the tests."""
    return [sys.executable, "-m", "orchestration.cli"]
