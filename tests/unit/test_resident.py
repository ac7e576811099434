"""The memory of a platform is that of its processes, without the service's."""

from pathlib import Path

from bench.resident import resident

_SMAPS = """\
00400000-00600000 r-xp 00001000 fd:00 {inode}                     /usr/local/bin/kubernetes
Size:               2048 kB
Rss:                {file} kB
Pss:                 100 kB
Anonymous:             0 kB
AnonHugePages:         0 kB
VmFlags: rd ex mr mw me
c000000000-c000400000 rw-p 00000000 00:00 0
Size:               4096 kB
Rss:                {own} kB
Pss:                {own} kB
Anonymous:          {own} kB
"""


def process(proc: Path, number: int, *, owner: int = 0, own: int, file: int, inode: int) -> None:
    folder = proc / str(number)
    folder.mkdir()
    folder.joinpath("status").write_text(f"Name:\tkubernetes\nUid:\t{owner}\t{owner}\t0\t0\n")
    folder.joinpath("smaps").write_text(_SMAPS.format(own=own, file=file, inode=inode))
    folder.joinpath("smaps_rollup").write_text(f"Rss: {own + file} kB\nPss_Anon:   {own} kB\n")


def test_a_file_that_several_processes_map_counts_once(tmp_path: Path) -> None:
    process(tmp_path, 10_000_001, own=10, file=200, inode=7)
    process(tmp_path, 10_000_002, own=20, file=300, inode=7)
    process(tmp_path, 10_000_003, own=30, file=50, inode=8)

    assert resident(tmp_path, without=10001) == 1024 * (10 + 20 + 30 + 300 + 50)


def test_the_memory_of_the_service_does_not_count(tmp_path: Path) -> None:
    process(tmp_path, 10_000_001, own=10, file=200, inode=7)
    process(tmp_path, 10_000_002, owner=10001, own=70, file=90, inode=9)

    assert resident(tmp_path, without=10001) == 1024 * 210


def test_a_process_that_ends_meanwhile_is_passed_over(tmp_path: Path) -> None:
    process(tmp_path, 10_000_001, own=10, file=200, inode=7)
    (tmp_path / "10000002").mkdir()

    assert resident(tmp_path, without=10001) == 1024 * 210
