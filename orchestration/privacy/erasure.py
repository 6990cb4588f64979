"""The journal of an erasure that is not ended: who, and which texts, until the proof has run.

It is written before anything else is touched and removed when the search for what is left has run, so that whatever
was killed in between, the next command that opens a session goes on with all of it: list, lake, what was made of the
lake, what runs left behind, publication, search. Its texts are encrypted (AES-256-GCM) under the key of the suppression
list, so that the journal itself names nobody, and only its owner reads either file.
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from orchestration.config.company import CompanyConfig
from orchestration.platform.errors import RegularsError, UsageError
from orchestration.privacy.search import Found, search
from orchestration.privacy.suppression import Sealed, Suppression, write_private

FILE = "erasure.pending"
HEAD = b"regulars erasure 2\n"  # before what is encrypted; older journals have none
NONCE = 12  # bytes


@dataclass(frozen=True)
class Erasure:
    """An erasure.

    Args:
        sealed: what goes on the suppression list.
        texts: what only this person had, in clear.
    """

    sealed: tuple[Sealed, ...]
    texts: tuple[str, ...]


def journal_of(config: CompanyConfig) -> Path:
    """The journal's file."""
    return config.paths.root / FILE


def is_pending(config: CompanyConfig) -> bool:
    """Whether an erasure is not ended."""
    return journal_of(config).exists()


def refuse_pending(config: CompanyConfig) -> None:
    """Stop a command that would keep, or bring back, what is being erased.

    Raises:
        UsageError: an erasure is not ended.
    """
    if is_pending(config):
        raise UsageError("the erasure of a person is not ended", "Run: regulars refresh, which ends it")


def begin(config: CompanyConfig, erasure: Erasure) -> None:
    """Write the journal; with one that is not ended, both are ended together."""
    before = pending(config)
    if before:
        erasure = Erasure(
            tuple(dict.fromkeys(before.sealed + erasure.sealed)), tuple(dict.fromkeys(before.texts + erasure.texts))
        )
    key = Suppression(config.paths.root).secret()
    plain = json.dumps({"sealed": [[s.kind, s.value] for s in erasure.sealed], "texts": erasure.texts}).encode()
    write_private(journal_of(config), enclose(key, plain))


def pending(config: CompanyConfig) -> Erasure | None:
    """The erasure that is not ended.

    Raises:
        RegularsError: the journal cannot be read with the keys that are there.
    """
    path = journal_of(config)
    if not path.exists():
        return None
    enclosed = path.read_bytes()
    if not enclosed.startswith(HEAD):
        raise RegularsError(
            f"{path}: is of an older version of the product, which encrypted it in another way, or is damaged",
            "Run regulars refresh once with that version, which ends the erasure; or delete the file and run "
            "regulars forget again",
        )
    for key in Suppression(config.paths.root).keys().values():
        plain = disclose(key, enclosed)
        if plain is not None:
            told = json.loads(plain)
            return Erasure(tuple(Sealed(kind, value) for kind, value in told["sealed"]), tuple(told["texts"]))
    raise RegularsError(
        f"{path}: cannot be read with {Suppression(config.paths.root).files[1]}",
        "Bring the key file back; without it, delete the journal and run regulars forget again",
    )


def prove(config: CompanyConfig, texts: Sequence[str]) -> Found:
    """Search every file of the company for the texts, then close the journal."""
    found = search(config.paths.root, texts, without=(journal_of(config),))
    journal_of(config).unlink(missing_ok=True)
    return found


def cipher_of(key: str) -> AESGCM:
    """AES-256-GCM under a key that is derived from the suppression list's."""
    return AESGCM(HKDF(SHA256(), 32, salt=None, info=HEAD).derive(key.encode()))


def enclose(key: str, plain: bytes) -> bytes:
    """Bytes that say nothing without the key."""
    nonce = os.urandom(NONCE)
    return HEAD + nonce + cipher_of(key).encrypt(nonce, plain, HEAD)


def disclose(key: str, enclosed: bytes) -> bytes | None:
    """What was enclosed; None where the key is another one, or a byte was changed."""
    nonce, sealed = enclosed[len(HEAD) :][:NONCE], enclosed[len(HEAD) + NONCE :]
    try:
        return cipher_of(key).decrypt(nonce, sealed, HEAD)
    except (InvalidTag, ValueError):
        return None
