"""The contents of a block device, and the decision whether it may be formatted.

Formatting destroys data, so a device must prove that it is empty: no signature that libblkid knows,
and zeros in every sample. Everything else is somebody's data.
"""

import json
import os
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from .errors import ReleaseError

LABEL = "auth-data"
HEAD, TAIL = 16 << 20, 1 << 20  # where file systems, partition tables, RAID and LVM sign
# Between them, as somebody may have wiped the head alone: evenly, where XFS begins its parts, and
# where ext4 has copies of its superblock.
_SAMPLES, _SAMPLE = 256, 64 << 10
_COPIES = tuple(group * (128 << 20) for group in (1, 3, 5, 7, 9, 25, 27, 49))
_CHUNK = 1 << 20
_NO_SIGNATURE, _AMBIVALENT = 2, 8  # exit statuses of blkid(8)

# While mkfs runs, a device is neither empty nor a file system. This mark on the device means that
# it was empty when our mkfs began. It lies where mkfs.ext4 writes nothing: near the end of the
# sixth block group, whose head has no backup superblock, far from the journal in the middle.
MARK = b"auth-data: formatting of this empty device began here\n".ljust(4096, b"\0")
MARK_AT = 868 << 20


class DataVolumeError(ReleaseError):
    """The data volume can't be used; the message has the reason and the way out."""


@dataclass(frozen=True, kw_only=True)
class Contents:
    """The contents of a device, as far as they show without a change."""

    device: Path
    status: int  # of blkid: 0 a signature, 2 no known signature, 8 contradicting signatures
    values: Mapping[str, str]  # by blkid: TYPE, LABEL, PTTYPE, …
    signatures: tuple[str, ...]  # all of them, in words
    nonzero: int | None  # offset of the first byte that is not zero, in the samples
    marked: bool

    @property
    def is_ours(self) -> bool:
        """Whether it is the service's file system, whole and the only thing on the device."""
        return self._has_our_signature and not self.marked

    @property
    def is_empty(self) -> bool:
        return self._is_unsigned and self.nonzero is None

    @property
    def is_half_formatted(self) -> bool:
        """Whether a run of ours was cut off while it formatted an empty device.

        mkfs writes the superblock last: there is no signature yet, or ours, never mounted.
        """
        return self.marked and (self._is_unsigned or self._has_our_signature)

    @property
    def _is_unsigned(self) -> bool:
        return self.status == _NO_SIGNATURE and not self.values

    @property
    def _has_our_signature(self) -> bool:
        kind = {key: self.values.get(key) for key in ("TYPE", "LABEL", "PTTYPE")}
        return self.status == 0 and kind == {"TYPE": "ext4", "LABEL": LABEL, "PTTYPE": None}

    def refuse(self) -> DataVolumeError:
        """Build the error for a device that is neither used nor formatted, with the way out."""
        device = self.device
        if self.is_empty or self.is_half_formatted:
            return DataVolumeError(
                f"{device} has no file system yet: it is a new volume. `make up` formats it."
            )
        wanted = (
            f"Attach the volume with the service's data as {device}; or, if nobody needs this "
            f"volume's data, format it yourself: sudo mkfs.ext4 -L {LABEL} {device}. "
            "Then: make up"
        )
        if self.status == _AMBIVALENT or len(self.signatures) > 1:
            return DataVolumeError(
                f"{device} has several signatures: {', '.join(self.signatures)}. Nothing was "
                "changed. If a signature is a stray, erase it alone, with a backup of its bytes: "
                f"sudo wipefs --all --backup --types TYPE {device}. {wanted}"
            )
        if self.signatures:
            return DataVolumeError(
                f"{device} holds {self.signatures[0]}, not the service's data. Nothing was "
                f"changed. {wanted}"
            )
        return DataVolumeError(
            f"{device} has no signature, but it is not empty: there is data at byte "
            f"{self.nonzero}. Nothing was changed. {wanted}"
        )


def look(device: Path) -> Contents:
    """Read a device, or a file in its place; raise DataVolumeError if it can't be read."""
    try:
        descriptor = os.open(device, os.O_RDONLY)
        try:
            nonzero = _first_data(descriptor)
            marked = os.pread(descriptor, len(MARK), MARK_AT) == MARK
        finally:
            os.close(descriptor)
    except OSError as error:
        raise DataVolumeError(
            f"{device} can't be read ({error.strerror}), so nobody knows if it is empty. Nothing "
            "was changed. Detach the volume and attach it again; if that does not help, restore "
            "a backup to another volume."
        ) from None
    status, text = _run("blkid", "--probe", "--output", "export", str(device))
    if status not in {0, _NO_SIGNATURE, _AMBIVALENT}:
        raise DataVolumeError(f"`blkid {device}` ended with status {status}. Nothing was changed.")
    pairs = (line.partition("=") for line in text.splitlines())
    values = {name: value for name, _, value in pairs if name != "DEVNAME"}
    return Contents(
        device=device,
        status=status,
        values=values,
        signatures=_signatures(device, values),
        nonzero=nonzero,
        marked=marked,
    )


def ext4_size(device: Path) -> int:
    """Return the size of the ext4 file system on a device in bytes, by its superblock.

    https://docs.kernel.org/filesystems/ext4/super.html
    """
    with device.open("rb") as file:
        file.seek(1024)
        superblock = file.read(1024)

    def number(at: int) -> int:
        return int.from_bytes(superblock[at : at + 4], "little")

    blocks, block = number(0x4), 1024 << number(0x18)
    has_64_bits = number(0x60) & 0x80
    return block * (blocks + ((number(0x150) << 32) if has_64_bits else 0))


def _first_data(descriptor: int) -> int | None:
    """Return the offset of the first byte in the samples that is not zero."""
    size = os.lseek(descriptor, 0, os.SEEK_END)
    for begin, length in _places(size):
        data = os.pread(descriptor, length, begin)
        if data.count(0) != len(data):
            return begin + len(data) - len(data.lstrip(b"\0"))
        if not data:
            raise OSError(0, f"it ends before byte {begin}")
    return None


def _places(size: int) -> Iterator[tuple[int, int]]:
    """List the samples, as offset and length: the whole head and tail, and places between."""
    if size == 0:
        yield 0, _CHUNK
    for begin in range(0, min(HEAD, size), _CHUNK):
        yield begin, min(_CHUNK, size - begin)
    even = (size * part // _SAMPLES // _SAMPLE * _SAMPLE for part in range(1, _SAMPLES))
    for begin in sorted({*even, *_COPIES}):
        if HEAD <= begin <= size - _SAMPLE:
            yield begin, _SAMPLE
    if size > HEAD:
        begin = max(HEAD, size - TAIL)
        yield begin, size - begin


def _signatures(device: Path, values: Mapping[str, str]) -> tuple[str, ...]:
    """List every signature on the device; `blkid` is silent about contradicting signatures."""
    status, text = _run("wipefs", "--json", "--output", "TYPE,OFFSET,LABEL", str(device))
    try:
        signatures = json.loads(text)["signatures"] if status == 0 and text.strip() else []
    except (ValueError, KeyError):
        signatures = []
    if signatures:
        return tuple(
            f"{each['type']}{' labelled ' + repr(each['label']) if each.get('label') else ''} "
            f"at byte {int(each['offset'], 0)}"
            for each in signatures
        )
    kinds = (values.get("TYPE"), values.get("PTTYPE") and f"a {values['PTTYPE']} partition table")
    return tuple(kind for kind in kinds if kind)


def _run(*argv: str) -> tuple[int, str]:
    """Run a program whose exit status has a meaning; return status and output."""
    try:
        result = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=120)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise DataVolumeError(
            f"`{argv[0]} {argv[-1]}` can't be run: {error}. Nothing was changed."
        ) from None
    return result.returncode, result.stdout
