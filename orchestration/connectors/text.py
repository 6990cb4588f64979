"""Text files in any encoding, compressed or not, as plain UTF-8 that DuckDB reads."""

from __future__ import annotations

import bz2
import codecs
import gzip
import lzma
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any, ClassVar, cast

from pydantic import Field, field_validator

from orchestration.connectors.base import SourceFile
from orchestration.connectors.files import FileConnector, FileSettings
from orchestration.errors import RegularsError

SAMPLE = 1 << 20
MARKS = {
    codecs.BOM_UTF8: "utf-8-sig", codecs.BOM_UTF32_LE: "utf-32", codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16",
}  # fmt: skip
# What a file without a mark that is not UTF-8 may be; gb18030 holds GBK and GB2312.
# Central European code pages look like the Western one and have to be declared.
LIKELY = ["gb18030", "big5hkscs", "shift_jis", "euc_kr", "cp1252", "cp1251"]
PLAIN = {"utf-8", "ascii", "utf-8-sig"}
COMPRESSED = (".gz", ".bz2", ".xz", ".zip")
SMALLEST_BUFFER = 32 << 20  # DuckDB's own
MAX_RATIO = 1_000  # of a file that a person packed: text seldom packs tighter than 100 to one
SAFE_BYTES = 64 << 20  # unpacked sizes below this hurt nobody, however tight


class TextSettings(FileSettings):
    """Text files."""

    has_numbers: ClassVar[bool] = False

    encoding: str = Field(default="auto", description="auto, or a name that Python knows: utf-8, utf-16, gbk, big5 …")
    max_unpacked: int = Field(default=200 << 30, ge=1, description="bytes that one packed file may hold")

    @field_validator("encoding")
    @classmethod
    def known(cls, value: str) -> str:
        """Python has a codec of the name."""
        if value == "auto":
            return value
        try:
            return codecs.lookup(value).name
        except LookupError:
            raise ValueError("auto, or an encoding such as utf-8, utf-16, gbk, big5, latin-1") from None


def detect(sample: bytes, is_whole: bool) -> str:
    """Encoding of a file by its first bytes: a byte-order mark, UTF-8 if it is valid, else the likeliest.

    Args:
        sample: the first bytes.
        is_whole: whether they are all; if not, a character may be cut at their end.
    """
    for mark, name in sorted(MARKS.items(), key=lambda item: -len(item[0])):
        if sample.startswith(mark):
            return name
    try:
        codecs.getincrementaldecoder("utf-8")().decode(sample, final=is_whole)
        return "utf-8"
    except UnicodeDecodeError:
        from charset_normalizer import from_bytes

        best = from_bytes(sample[:65_536], cp_isolation=LIKELY).best()
        return codecs.lookup(best.encoding).name if best else "cp1252"


class TextConnector(FileConnector):
    """Files of lines; adds decoding and unpacking to what all files have."""

    def usual_names(self, table: str) -> list[str]:
        """The plain file, or the packed one."""
        plain = super().usual_names(table)
        return plain + [name + packed for name in plain for packed in COMPRESSED]

    def is_of_kind(self, path: Path) -> bool:
        """Whether the name ends in a suffix of the kind, then perhaps in that of a packer."""
        return unpacked_name(path).lower().endswith(self.suffixes)

    def stem(self, path: Path) -> str:
        """The name without both suffixes."""
        return super().stem(path.with_name(unpacked_name(path)))

    def text_settings(self, table: str) -> TextSettings:
        """A table's settings."""
        settings = self.at(table).settings
        assert isinstance(settings, TextSettings)
        return settings

    def encoding(self, table: str, file: SourceFile) -> str:
        """A file's encoding: declared, or found by its first bytes."""
        declared = self.text_settings(table).encoding
        with self.opened(table, file) as handle:
            sample = self.take(table, file, handle, SAMPLE)
        if declared in {"auto", "utf-8"}:
            found = detect(sample, len(sample) < SAMPLE)
            return found if declared == "auto" or found == "utf-8-sig" else declared
        return declared

    def opened(self, table: str, file: SourceFile) -> IO[bytes]:
        """A file's bytes, unpacked."""
        openers: dict[str, Callable[[Path], Any]] = {".gz": gzip.open, ".bz2": bz2.open, ".xz": lzma.open}
        suffix = file.path.suffix.lower()
        try:
            if suffix == ".zip":
                archive = zipfile.ZipFile(file.path)
                members = [item for item in archive.infolist() if not item.is_dir()]
                if len(members) != 1:
                    raise RegularsError(
                        f"{self.place(table, file)}: holds {len(members)} files", "Pack one file per archive"
                    )
                return archive.open(members[0])
            return cast("IO[bytes]", openers[suffix](file.path) if suffix in openers else file.path.open("rb"))
        except (OSError, zipfile.BadZipFile, lzma.LZMAError) as error:
            raise self.broken(table, file, error) from error

    def take(self, table: str, file: SourceFile, handle: IO[bytes], size: int) -> bytes:
        """Some bytes; says which file is broken."""
        try:
            return handle.read(size)
        except (OSError, EOFError, zipfile.BadZipFile, lzma.LZMAError) as error:
            raise self.broken(table, file, error) from error

    def broken(self, table: str, file: SourceFile, error: Exception) -> RegularsError:
        """The error of a file that cannot be read to its end."""
        return RegularsError(f"{self.place(table, file)}: cannot be read: {error}", "Fetch the file again, whole")

    def plain(self, table: str, file: SourceFile) -> Path:
        """The file as unpacked UTF-8: itself, or a copy in a scratch folder.

        Bytes that are not of the encoding stay invalid, so that the reader rejects their rows and no others.

        Raises:
            RegularsError: the file is broken, or unpacks to more than a file of honest text can.
        """
        encoding = self.encoding(table, file)
        packed = file.path.suffix.lower() in COMPRESSED
        if encoding in PLAIN and not packed:
            return file.path
        copy = Path(self.scratch.name) / f"{abs(hash(file.path))}-{unpacked_name(file.path)}"
        if copy.exists():
            return copy
        limit = self.text_settings(table).max_unpacked
        if packed:
            limit = min(limit, max(SAFE_BYTES, file.path.stat().st_size * MAX_RATIO))
        decoder = None if encoding in PLAIN else codecs.getincrementaldecoder(encoding)("surrogateescape")
        total = 0
        partial = copy.with_suffix(".partial")
        with self.opened(table, file) as source, partial.open("wb") as target:
            while chunk := self.take(table, file, source, SAMPLE):
                total += len(chunk)
                if total > limit:
                    partial.unlink()
                    raise RegularsError(
                        f"{self.place(table, file)}: unpacks to more than {limit:,} bytes",
                        "It looks like an archive made to fill the disk; unpack it yourself if it is not",
                    )
                target.write(chunk if decoder is None else encoded(decoder.decode(chunk)))
            if decoder is not None:
                target.write(encoded(decoder.decode(b"", final=True)))
        partial.rename(copy)
        return copy


def scan_options(path: Path, quote: str, max_line: int) -> str:
    """Options of DuckDB's text reader for records of at most so many bytes.

    DuckDB 1.5's parallel scan drops a record that is longer than its buffer without a word; one thread rejects it as
    it should. So a file in which such a record may be is read by one thread.
    """
    limit = f"max_line_size = {max_line}"
    if has_giant(path, quote, max_line):
        return f"{limit}, parallel = false"
    return f"{limit}, buffer_size = {max(SMALLEST_BUFFER, 2 * max_line)}"


def has_giant(path: Path, quote: str, max_line: int) -> bool:
    """Whether some stretch of half that length holds no end of a record: a line break outside quotes."""
    mark, inside = quote.encode(), 0
    with path.open("rb") as handle:
        while len(chunk := handle.read(max(max_line // 2, 1))) == max(max_line // 2, 1):
            parts = chunk.split(mark) if mark else [chunk]
            if not any(b"\n" in part or b"\r" in part for part in parts[inside::2]):
                return True
            inside = (inside + len(parts) - 1) % 2
    return False


def last_quote_if_open(path: Path, quote: str) -> int | None:
    """Offset of a quote that is never closed, by counting; None where their number is even."""
    mark, total, last, at = quote.encode(), 0, 0, 0
    with path.open("rb") as handle:
        while chunk := handle.read(SAMPLE):
            if found := chunk.count(mark):
                total, last = total + found, at + chunk.rfind(mark)
            at += len(chunk)
    return last if total % 2 else None


def encoded(text: str) -> bytes:
    """UTF-8; what could not be decoded comes back as the bytes it was."""
    return text.encode("utf-8", "surrogateescape")


def unpacked_name(path: Path) -> str:
    """A file's name without a packer's suffix."""
    return path.name[: -len(path.suffix)] if path.suffix.lower() in COMPRESSED else path.name
