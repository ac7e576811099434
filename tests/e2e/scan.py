"""Searches a whole VM, as root, for texts that come on stdin: names to lists of texts, in JSON.

Prints the places where each name was found, and how much was read. Of sparse files, such as the
emulated data volumes, the parts are read that are on the disk; rotated logs are unpacked.
"""

import contextlib
import gzip
import json
import os
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

CHUNK = 16 << 20
NO_FILES = {"/proc", "/sys", "/dev"}


class Scan:
    def __init__(self, wanted: Mapping[str, Sequence[str]]) -> None:
        self._names = {text.encode(): name for name, texts in wanted.items() for text in texts}
        self.found: dict[str, set[str]] = {name: set() for name in wanted}
        self.files = self.bytes = 0

    def everything(self) -> None:
        whole = []
        for path in _files():
            with contextlib.suppress(FileNotFoundError):  # gone since it was listed
                self.files += 1
                size, blocks = path.stat().st_size, path.stat().st_blocks
                if size > CHUNK and blocks * 512 < size // 2:
                    self._sparse(path)
                else:
                    self.bytes += size
                    whole.append(path)
                if path.suffix == ".gz":
                    with contextlib.suppress(OSError, EOFError), gzip.open(path) as packed:
                        self._look(str(path), packed.read())
        self._with_grep(whole)
        for row in Path("/proc/swaps").read_text().splitlines()[1:]:
            self._sparse(Path(row.split()[0]))
        # the journal compresses long entries
        journal = ["journalctl", "--no-pager", "--all", "--output=export"]
        self._look("the journal", subprocess.run(journal, capture_output=True, check=True).stdout)

    def _look(self, place: str, data: bytes) -> None:
        self.bytes += len(data)
        for text, name in self._names.items():
            if text in data:
                self.found[name].add(place)

    def _sparse(self, path: Path) -> None:
        overlap = max(map(len, self._names))
        with path.open("rb") as file:
            for begin, end in _on_disk(file.fileno()):
                before = b""
                for offset in range(begin, end, CHUNK):
                    data = os.pread(file.fileno(), min(CHUNK, end - offset), offset)
                    self._look(str(path), before + data)
                    before = data[-overlap:]

    def _with_grep(self, paths: Sequence[Path]) -> None:
        with tempfile.NamedTemporaryFile(dir="/dev/shm") as texts:
            texts.write(b"\n".join(self._names))
            texts.flush()
            grep = ["grep", "--text", "--null-data", "--only-matching", "--with-filename"]
            done = subprocess.run(
                [*("xargs", "-0"), *grep, "--no-messages", "--fixed-strings", "-f", texts.name],
                input=b"\0".join(map(os.fsencode, paths)),
                env={**os.environ, "LC_ALL": "C"},
                capture_output=True,
                check=False,
            )
        if done.returncode not in {0, 123}:  # 123: of some files grep found nothing
            sys.exit(f"the search ended with {done.returncode}: {done.stderr.decode()}")
        for line in filter(None, done.stdout.split(b"\0")):
            place, _, text = line.rpartition(b":")
            self.found[self._names[text]].add(place.decode())


def _on_disk(file: int) -> Iterator[tuple[int, int]]:
    """Find where a file has data: an emulated volume of 50 GB is mostly holes."""
    end, size = 0, os.lseek(file, 0, os.SEEK_END)
    while end < size:
        try:
            begin = os.lseek(file, end, os.SEEK_DATA)
        except OSError:  # there is no more
            return
        end = os.lseek(file, begin, os.SEEK_HOLE)
        yield begin, end


def _files() -> Iterator[Path]:
    for folder, folders, names in os.walk("/"):
        # containers' views of layers that are read where they are kept
        views = {"merged"} if folder.startswith("/var/lib/docker/") else set()
        folders[:] = [
            name for name in folders if f"{folder}{name}" not in NO_FILES and name not in views
        ]
        for name in names:
            with contextlib.suppress(FileNotFoundError):
                path = Path(folder, name)
                if stat.S_ISREG(path.lstat().st_mode):
                    yield path


scan = Scan(json.load(sys.stdin))
scan.everything()
found = {name: sorted(places) for name, places in scan.found.items()}
print(json.dumps({"found": found, "bytes": scan.bytes, "files": scan.files}))
