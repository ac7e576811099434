"""The decision whether a disk may be formatted, on real file systems in files."""

import os
import struct
import subprocess
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest

from host.auth_release import contents
from host.auth_release.contents import Contents, DataVolumeError

GB = 1 << 30
OURS = ("mkfs.ext4", "-q", "-F", "-L", contents.LABEL)


@pytest.fixture(autouse=True)
def _programs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Return the path of a program on root's PATH."""
    monkeypatch.setenv("PATH", f"{os.environ['PATH']}:/usr/sbin:/sbin")


@pytest.fixture
def disk(tmp_path: Path) -> Path:
    """Give a disk of zeros that takes no space."""
    path = tmp_path / "disk"
    path.touch()
    os.truncate(path, 2 * GB)
    return path


def run(*argv: str | Path) -> None:
    subprocess.run(argv, check=True, capture_output=True)


def put(disk: Path, at: int, data: bytes) -> None:
    with disk.open("r+b") as file:
        file.seek(at)
        file.write(data)


def blocks(disk: Path) -> dict[int, bytes]:
    """Return the blocks that are not zero, by offset."""
    content: dict[int, bytes] = {}
    position = 0
    with disk.open("rb") as file:
        while True:
            try:
                position = os.lseek(file.fileno(), position, os.SEEK_DATA)
            except OSError:
                return content
            if any(block := os.pread(file.fileno(), 4096, position)):
                content[position] = block
            position += 4096


def may_be_formatted(device: Contents) -> bool:
    return device.is_empty or device.is_half_formatted


def mbr(disk: Path) -> None:
    partition = struct.pack("<B3sB3sII", 0, b"\0\2\0", 0x83, b"\xff\xff\xff", 2048, 1 << 20)
    put(disk, 446, partition)
    put(disk, 510, b"\x55\xaa")


def gpt(disk: Path) -> None:
    """Write a protective MBR and an empty table, as parted's `mklabel gpt` does."""
    last = disk.stat().st_size // 512 - 1
    put(disk, 446, struct.pack("<B3sB3sII", 0, b"\0\2\0", 0xEE, b"\xff\xff\xff", 1, last))
    put(disk, 510, b"\x55\xaa")
    entries = zlib.crc32(bytes(128 * 128))

    def header(checksum: int) -> bytes:
        sizes = (1, last, 34, last - 33)
        return struct.pack(
            *("<8sIIIIQQQQ16sQIII", b"EFI PART", 0x10000, 92, checksum, 0),
            *(*sizes, b"0123456789abcdef", 2, 128, 128, entries),
        )

    put(disk, 512, header(zlib.crc32(header(0))))


def romfs(disk: Path) -> None:
    put(disk, 0, b"-rom1fs-")


def luks(disk: Path) -> None:
    put(disk, 0, b"LUKS\xba\xbe\0\1aes\0")


def lvm(disk: Path) -> None:
    """Write the label of a physical volume; libblkid checks its sum, which is CRC-32 inverted."""
    body = struct.pack("<I8s", 32, b"LVM2 001") + b"0123456789abcdefghijklmnopqrstuv"
    body = body.ljust(512 - 20, b"\0")
    checksum = ~zlib.crc32(body, ~0xF597A6CF & 0xFFFFFFFF) & 0xFFFFFFFF
    put(disk, 512, b"LABELONE" + struct.pack("<QI", 1, checksum) + body)


def swap(disk: Path) -> None:
    run("mkswap", disk)


def other_ext4(disk: Path) -> None:
    run("mkfs.ext4", "-q", "-F", "-L", "somebody", disk)


FOREIGN: dict[str, tuple[Callable[[Path], None], str]] = {
    "an MBR": (mbr, "dos"),
    "a GPT": (gpt, "gpt"),
    "LUKS": (luks, "LUKS"),
    "LVM": (lvm, "LVM2_member"),
    "swap": (swap, "swap"),
    "another ext4": (other_ext4, "ext4 labelled 'somebody'"),
}


def test_a_disk_of_zeros_is_empty(disk: Path) -> None:
    device_contents = contents.look(disk)

    assert device_contents.is_empty
    assert "`make up` formats it" in str(device_contents.refuse()), "at a boot it is not formatted"


def test_the_services_own_file_system_is_used_and_never_formatted(disk: Path) -> None:
    run(*OURS, disk)
    device_contents = contents.look(disk)

    assert device_contents.is_ours
    assert not may_be_formatted(device_contents)


@pytest.mark.parametrize("options", [(), ("-b", "1024"), ("-O", "^64bit")])
def test_the_size_of_a_file_system_is_read_and_not_that_of_its_disk(
    disk: Path, options: tuple[str, ...]
) -> None:
    run(*OURS, *options, disk, "1G")

    assert contents.ext4_size(disk) == GB


@pytest.mark.parametrize("kind", FOREIGN)
def test_somebodys_disk_is_left_alone_and_named(disk: Path, kind: str) -> None:
    make, name = FOREIGN[kind]
    make(disk)
    before = blocks(disk)

    device_contents = contents.look(disk)

    assert not may_be_formatted(device_contents)
    assert not device_contents.is_ours
    assert name in str(device_contents.refuse()), "it does not name the contents"
    assert "sudo mkfs.ext4 -L auth-data" in str(device_contents.refuse()), "there is no way out"
    assert blocks(disk) == before


@pytest.mark.parametrize(
    ("stray", "status", "name"), [(romfs, 8, "romfs"), (luks, 0, "crypto_LUKS")]
)
def test_accounts_beside_a_stray_second_signature_are_left_alone(
    disk: Path, stray: Callable[[Path], None], status: int, name: str
) -> None:
    run(*OURS, disk)
    stray(disk)  # in the boot sector, which ext4 does not use
    device_contents = contents.look(disk)

    assert device_contents.status == status
    assert not may_be_formatted(device_contents)
    assert not device_contents.is_ours
    said = str(device_contents.refuse())
    assert f"{name} at byte 0" in said
    assert "ext4 labelled 'auth-data'" in said
    assert "wipefs --all --backup --types" in said


@pytest.mark.parametrize(
    "at", [0, 5000, contents.HEAD - 1, GB, 2 * GB - 1], ids=["first", "head", "16 MB", "mid", "end"]
)
def test_data_without_a_signature_is_somebodys(disk: Path, at: int) -> None:
    put(disk, at, b"accounts")
    os.truncate(disk, 2 * GB)
    device_contents = contents.look(disk)

    assert not may_be_formatted(device_contents)
    assert f"data at byte {at}" in str(device_contents.refuse())


def test_a_wiped_head_does_not_make_a_file_system_empty(disk: Path) -> None:
    run("mkfs.ext4", "-q", "-F", "-E", "nodiscard,lazy_itable_init=0", disk)
    put(disk, 0, bytes(contents.HEAD))
    run("wipefs", "--all", "--quiet", disk)

    assert not may_be_formatted(contents.look(disk))


def test_a_disk_that_can_not_be_read_is_not_taken_for_empty() -> None:
    # there is something at byte 0, which fails to be read
    with pytest.raises(DataVolumeError, match=r"can't be read .*, so nobody knows"):
        contents.look(Path("/proc/self/mem"))


def test_a_disk_without_a_size_is_not_taken_for_empty(tmp_path: Path) -> None:
    (tmp_path / "disk").touch()

    with pytest.raises(DataVolumeError, match="it ends before byte 0"):
        contents.look(tmp_path / "disk")


def half_format(disk: Path) -> None:
    """Leave the device as a mkfs does that is killed before it writes the superblock."""
    put(disk, contents.MARK_AT, contents.MARK)
    run("mkfs.ext4", "-q", "-F", "-E", "nodiscard", "-L", contents.LABEL, disk)
    put(disk, 1024, bytes(1024))


def test_our_own_mkfs_that_was_killed_is_begun_again(disk: Path) -> None:
    half_format(disk)
    device_contents = contents.look(disk)

    assert device_contents.nonzero is not None, "mkfs should have begun to write"
    assert device_contents.is_half_formatted
    assert not device_contents.is_ours


def test_our_own_mkfs_that_was_killed_after_its_superblock_is_begun_again(disk: Path) -> None:
    put(disk, contents.MARK_AT, contents.MARK)
    run(*OURS, "-E", "nodiscard", disk)

    assert contents.look(disk).is_half_formatted


def test_what_somebody_made_after_our_killed_mkfs_is_left_alone(disk: Path) -> None:
    half_format(disk)
    put(disk, 0, bytes(contents.HEAD))
    swap(disk)

    assert not may_be_formatted(contents.look(disk))
