"""The memory of processes, in bytes: `python3 - UID`, in a machine of the emulated cloud.

It prints the memory of all processes of the machine but those of a user. A file that several of
them map, such as a program, counts once. The page cache and the kernel are left out: they take the
memory that is there.
"""

import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path

_MAPPING = re.compile(r"^[0-9a-f]+-[0-9a-f]+ \S+ ([0-9a-f]+) (\S+) (\d+)", re.MULTILINE)
_FIELD = re.compile(r"^(Rss|Anonymous): +(\d+) kB$", re.MULTILINE)
_OWN = re.compile(r"^Pss_Anon: +(\d+) kB$", re.MULTILINE)  # a page of several counts in part
_OWNER = re.compile(r"^Uid:\t(\d+)", re.MULTILINE)


def own_kilobytes(rollup: str) -> int:
    """Read /proc/PID/smaps_rollup: the memory that no file backs."""
    return sum(map(int, _OWN.findall(rollup)))


def of_files(smaps: str) -> Iterator[tuple[tuple[str, ...], int]]:
    """Read /proc/PID/smaps: each mapped part of a file, and its resident kilobytes."""
    parts = _MAPPING.split(smaps)[1:]
    for offset, device, inode, fields in zip(*(parts[index::4] for index in range(4)), strict=True):
        if inode != "0":
            sizes = dict(_FIELD.findall(fields))
            yield (device, inode, offset), int(sizes["Rss"]) - int(sizes["Anonymous"])


def resident(processes: Path, *, without: int) -> int:
    """Return the bytes of all processes below a folder such as /proc, without a user's."""
    own, files = 0, dict[tuple[str, ...], int]()
    for process in processes.glob("[0-9]*"):
        if process.name == str(os.getpid()):
            continue
        try:
            status = (process / "status").read_text()
            rollup, smaps = ((process / name).read_text() for name in ("smaps_rollup", "smaps"))
        except (OSError, ValueError):  # it has ended, or it is the kernel's
            continue
        owner = _OWNER.search(status)
        if owner is None or int(owner[1]) == without:
            continue
        own += own_kilobytes(rollup)
        for part, kilobytes in of_files(smaps):
            files[part] = max(files.get(part, 0), kilobytes)
    return 1024 * (own + sum(files.values()))


if __name__ == "__main__":
    print(resident(Path("/proc"), without=int(sys.argv[1])))
