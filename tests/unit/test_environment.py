"""`.env`: what it sets, what wins over it, and what is refused."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestration.platform import environment
from orchestration.platform.environment import SETTINGS, load_environment, read_env_file
from orchestration.platform.errors import ConfigError
from orchestration.platform.paths import PROJECT, companies_folder, home
from orchestration.platform.redaction import HIDDEN, redact
from tests.support.shop import Shop, command

# Set by the product for its own processes, or read from the real environment alone.
INTERNAL = {
    "REGULARS_CONTACTS", "REGULARS_WAREHOUSE", "REGULARS_SERVE", "REGULARS_TEMP", "REGULARS_MEMORY_LIMIT",
    "REGULARS_ENV_FILE", "REGULARS_DBT_ARTEFACTS",
}  # fmt: skip


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that stands for the checkout, with none of the product's variables set."""
    monkeypatch.setattr(environment, "PROJECT", tmp_path)
    monkeypatch.setattr(os, "environ", {n: v for n, v in os.environ.items() if not n.startswith("REGULARS_")})
    return tmp_path


def test_every_notation_of_a_value(tmp_path: Path) -> None:
    path = tmp_path / ".env"
    path.write_bytes(
        "\ufeff# a comment\r\n\r\nPLAIN=one\r\nexport EXPORTED=two\r\n  SPACED = three words  # and why\r\n"
        'SINGLE=\'a # b\'\r\nDOUBLE="c \\"d\\""\r\nHASH=p#q\r\nEQUALS=a=b==\r\nUMLAUT=größer\r\n'
        "DOLLAR=${NOT_REPLACED}\r\nEMPTY=\r\nQUOTED_EMPTY=''\r\nEMPTY_WITH_COMMENT= # none".encode()
    )
    assert read_env_file(path) == {
        "PLAIN": "one", "EXPORTED": "two", "SPACED": "three words", "SINGLE": "a # b", "DOUBLE": 'c "d"', "HASH": "p#q",
        "EQUALS": "a=b==", "UMLAUT": "größer", "DOLLAR": "${NOT_REPLACED}",
    }  # fmt: skip


@given(st.text(alphabet=st.characters(min_codepoint=32, max_codepoint=0x2FFF), max_size=40))
def test_a_value_in_single_quotes_is_taken_as_it_is(value: str) -> None:
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "env"
        escaped = value.replace("\\", "\\\\").replace("'", "\\'")
        path.write_text(f"BEFORE=1\nVALUE='{escaped}'\nAFTER=2\n", encoding="utf-8", newline="")
        assert read_env_file(path) == {"BEFORE": "1", "AFTER": "2"} | ({"VALUE": value} if value else {})


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("A=1\nnonsense\n", 2, "not of the form NAME=value"),
        ("A=1\n\n\n# x\nB 2\n", 5, "not of the form NAME=value"),
        ("SHOP-PASSWORD=hunter2\n", 1, "not of the form NAME=value"),
        ("A=1\nB='hunter2\nC=3\n", 2, "not of the form NAME=value"),
        ("A=1\nB=2\nA=hunter2\n", 3, "A is set in line 1 already"),
        ("REGULARS_HOMES=hunter2\n", 1, "there is no setting REGULARS_HOMES"),
    ],
)
def test_a_wrong_line_is_named_without_its_value(tmp_path: Path, text: str, line: int, said: str) -> None:
    path = tmp_path / ".env"
    path.write_text(text)
    with pytest.raises(ConfigError) as caught:
        read_env_file(path)
    assert f"{path}, line {line}: " in str(caught.value)
    assert said in str(caught.value)
    assert "hunter2" not in str(caught.value)


def test_other_encodings_and_unreadable_files_are_named(tmp_path: Path) -> None:
    path = tmp_path / ".env"
    path.write_bytes("A=1".encode("utf-16"))
    with pytest.raises(ConfigError, match=r"\.env: is not UTF-8 at byte 0"):
        read_env_file(path)
    with pytest.raises(ConfigError, match="cannot be read"):
        read_env_file(tmp_path)


def test_the_template_as_it_is_sets_nothing(checkout: Path) -> None:
    (checkout / ".env").write_text((PROJECT / ".env.example").read_text())
    before = dict(os.environ)
    load_environment()
    assert dict(os.environ) == before
    assert home() == PROJECT / "var"
    assert companies_folder() == PROJECT / "data" / "companies"


def test_the_template_names_every_setting_and_every_setting_is_read() -> None:
    named = set(re.findall(r"^(REGULARS_\w+)=", (PROJECT / ".env.example").read_text(), re.M))
    assert named == set(SETTINGS) - {"REGULARS_DEBUG"}
    source = "".join(path.read_text() for path in (PROJECT / "orchestration").rglob("*.py"))
    assert set(re.findall(r"\"(REGULARS_[A-Z_]+)\"", source)) == set(SETTINGS) | INTERNAL


def test_the_real_environment_wins_and_folders_are_beside_the_file(checkout: Path) -> None:
    (checkout / ".env").write_text("REGULARS_HOME=state\nREGULARS_COMPANIES=/srv/companies\nSHOP_USER=file\nNEW=file\n")
    os.environ["SHOP_USER"] = ""
    os.environ["REGULARS_COMPANIES"] = "/real"
    load_environment()
    assert home() == checkout / "state"
    assert companies_folder() == Path("/real")
    assert (os.environ["SHOP_USER"], os.environ["NEW"]) == ("", "file")


def test_a_named_file_that_is_absent_is_an_error(checkout: Path) -> None:
    os.environ["REGULARS_ENV_FILE"] = str(checkout / "absent")
    with pytest.raises(ConfigError, match="absent: cannot be read: No such file"):
        load_environment()


def test_its_secrets_are_hidden_in_messages(checkout: Path) -> None:
    (checkout / ".env").write_text("CRM_DB_PASS='pa ss#w0rd'\n")
    load_environment()
    assert redact("login with pa ss#w0rd refused") == f"login with {HIDDEN} refused"


def run(code: list[str], variables: dict[str, str], folder: Path) -> subprocess.CompletedProcess[str]:
    kept = {n: v for n, v in os.environ.items() if not n.startswith("REGULARS_") and n != "SHOP_DATA"}
    return subprocess.run(
        code, env=kept | variables, cwd=folder, capture_output=True, text=True, timeout=120, check=False
    )


def test_the_command_line_and_dagster_take_the_company_from_the_file(shop: Shop, tmp_path: Path) -> None:
    path = tmp_path / "settings.env"
    path.write_text(
        f"export REGULARS_HOME='{shop.home}'\nREGULARS_COMPANIES={shop.companies}\nREGULARS_COMPANY=shop\n"
        f"SHOP_DATA={shop.data}\n"
    )
    named = {"REGULARS_ENV_FILE": str(path)}
    done = run([*command(), "source", "test"], named, tmp_path)
    assert done.returncode == 0, done.stderr
    assert "till" in done.stdout
    assert "Corner Shop" in run([*command(), "status"], named, tmp_path).stdout
    code = "from orchestration.definitions import defs; print(len(defs().resolve_asset_graph().get_all_asset_keys()))"
    shown = run([sys.executable, "-c", code], named, tmp_path)
    assert shown.returncode == 0, shown.stderr
    assert int(shown.stdout) > 20
    path.write_text("REGULARS_COMPANY\n")
    wrong = run([*command(), "status"], named, tmp_path)
    assert wrong.returncode == 1
    assert "settings.env, line 1: is not of the form NAME=value" in wrong.stderr
    assert "Traceback" not in wrong.stderr
