"""Text files in any encoding, compressed or not, as plain UTF-8 that DuckDB reads."""

from __future__ import annotations

import bz2
import codecs
import gzip
import lzma
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath
from typing import IO, Any, ClassVar, cast

from pydantic import Field, field_validator

from orchestration.connectors.base import SourceFile, System
from orchestration.connectors.encodings import Found, detect
from orchestration.connectors.files import FileConnector, FileSettings
from orchestration.platform.errors import RegularsError

SAMPLE = 1 << 20
PLAIN = {"utf-8", "ascii", "utf-8-sig"}
LITTER = {".ds_store", "thumbs.db", "desktop.ini"}
COMPRESSED = (".gz", ".bz2", ".xz", ".zip")
PACKED_BYTES = {b"\x1f\x8b\x08": ".gz", b"PK\x03\x04": ".zip", b"BZh": ".bz2", b"\xfd7zXZ\0": ".xz"}  # how they begin
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


class TextConnector(FileConnector):
    """Files of lines; adds decoding and unpacking to what all files have."""

    def __init__(self, system: System) -> None:
        super().__init__(system)
        self.encodings: dict[tuple[str, int, int], Found] = {}

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
        """A file's encoding: declared, or found by its bytes.

        Raises:
            RegularsError: its bytes could be of several encodings.
        """
        declared = self.text_settings(table).encoding
        if declared not in {"auto", "utf-8"}:
            return declared
        stat = file.path.stat()
        key = (str(file.path), stat.st_size, stat.st_mtime_ns)
        found = self.encodings.get(key)
        if found is None:
            found = detect(lambda: self.opened(table, file), lambda handle, size: self.take(table, file, handle, size))
            self.encodings[key] = found
        if declared == "utf-8":
            return found.name if found.name == "utf-8-sig" else declared
        if not found.is_sure:
            raise RegularsError(
                f"{self.place(table, file)}: its encoding cannot be told from its bytes; likeliest is {found.name}"
                + "".join(f"; {name} reads {words}" for name, words in found.readings),
                "Say it with format: {encoding: …}, such as cp1252, cp850, mac_roman, latin2, cp1251, gbk or big5",
            )
        return found.name

    def opened(self, table: str, file: SourceFile) -> IO[bytes]:
        """A file's bytes, unpacked."""
        openers: dict[str, Callable[[Path], Any]] = {".gz": gzip.open, ".bz2": bz2.open, ".xz": lzma.open}
        suffix = file.path.suffix.lower()
        try:
            if suffix == ".zip":
                archive = zipfile.ZipFile(file.path)
                members = [item for item in archive.infolist() if not item.is_dir() and not is_litter(item.filename)]
                if len(members) != 1:
                    raise RegularsError(
                        f"{self.place(table, file)}: holds {len(members)} files", "Pack one file per archive"
                    )
                return archive.open(members[0])
            if suffix not in openers:
                self.check_unpacked(table, file)
            return cast("IO[bytes]", openers[suffix](file.path) if suffix in openers else file.path.open("rb"))
        except (OSError, zipfile.BadZipFile, lzma.LZMAError) as error:
            raise self.broken(table, file, error) from error

    def check_unpacked(self, table: str, file: SourceFile) -> None:
        """A file whose name says that it is text holds text.

        Raises:
            RegularsError: it is packed.
        """
        with file.path.open("rb") as handle:
            first = handle.read(10)
        for mark, suffix in PACKED_BYTES.items():
            if first.startswith(mark) and (suffix != ".bz2" or first[4:] == b"1AY&SY"):
                raise RegularsError(
                    f"{self.place(table, file)}: is packed, and its name does not say so",
                    f"Name it {file.path.name}{suffix}, or unpack it",
                )

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
                target.write(chunk if decoder is None else self.decoded(table, file, encoding, decoder, chunk))
            if decoder is not None:
                target.write(self.decoded(table, file, encoding, decoder, b"", final=True))
        partial.rename(copy)
        return copy

    def lined(self, table: str, file: SourceFile) -> Path:
        """The plain file, or a copy in which every line ends in a line feed, where its line ends differ."""
        plain = self.plain(table, file)
        copy = Path(self.scratch.name) / f"{abs(hash(file.path))}-lined"
        if copy.exists():
            return copy
        if len(line_ends(plain)) < 2:
            return plain
        partial = copy.with_suffix(".partial")
        with plain.open("rb") as source, partial.open("wb") as target:
            for chunk in whole_breaks(source):
                target.write(chunk.replace(b"\r\n", b"\n").replace(b"\r", b"\n"))
        partial.rename(copy)
        return copy

    def decoded(
        self, table: str, file: SourceFile, encoding: str, decoder: codecs.IncrementalDecoder, chunk: bytes,
        final: bool = False,
    ) -> bytes:  # fmt: skip
        """Some bytes as UTF-8.

        Raises:
            RegularsError: an encoding of several bytes per character breaks off.
        """
        try:
            return encoded(decoder.decode(chunk, final))
        except UnicodeDecodeError as error:
            raise RegularsError(
                f"{self.place(table, file)}: is no whole {encoding}: {error.reason}",
                "Fetch the file again, whole; or mend format.encoding",
            ) from error


def is_litter(name: str) -> bool:
    """Whether a packed file is what macOS or Windows put beside the one that was meant."""
    path = PurePosixPath(name)
    return path.parts[0] == "__MACOSX" or path.name.startswith("._") or path.name.lower() in LITTER


def whole_breaks(source: IO[bytes]) -> Iterator[bytes]:
    """A file's bytes in chunks that cut no line end in two."""
    while chunk := source.read(SAMPLE):
        while chunk.endswith(b"\r") and (more := source.read(1)):
            chunk += more
        yield chunk


def line_ends(path: Path) -> set[bytes]:
    """The kinds of line ends in a file."""
    found: set[bytes] = set()
    with path.open("rb") as source:
        for chunk in whole_breaks(source):
            both, feeds = chunk.count(b"\r\n"), chunk.count(b"\n")
            returns = chunk.count(b"\r") if both or b"\r" in chunk else 0
            found |= {end for end, n in ((b"\r\n", both), (b"\n", feeds - both), (b"\r", returns - both)) if n}
    return found


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


def encoded(text: str) -> bytes:
    """UTF-8; what could not be decoded comes back as the bytes it was."""
    return text.encode("utf-8", "surrogateescape")


def unpacked_name(path: Path) -> str:
    """A file's name without a packer's suffix."""
    return path.name[: -len(path.suffix)] if path.suffix.lower() in COMPRESSED else path.name
