"""A loop device's `rescan`: whoever writes to it has the device take its file's present size.

The kernel does that before such a write returns. So does this: the named pipe is kept full, so that
a writer waits, until its opening was noticed and the device has its size.

    python3 rescan.py DEVICE PIPE
"""

import ctypes
import fcntl
import os
import struct
import subprocess
import sys

IN_CLOSE_WRITE, IN_OPEN = 0x8, 0x20
EVENT = struct.Struct("iIII")  # watch, mask, cookie, length of the name that follows


def main(device: str, pipe: str) -> None:
    # reading and writing: no opening of it ever waits for the other end
    kept = os.open(pipe, os.O_RDWR | os.O_NONBLOCK)
    fcntl.fcntl(kept, fcntl.F_SETPIPE_SZ, os.sysconf("SC_PAGE_SIZE"))
    fill(kept)
    libc = ctypes.CDLL(None, use_errno=True)
    events = libc.inotify_init()
    if libc.inotify_add_watch(events, pipe.encode(), IN_OPEN | IN_CLOSE_WRITE) < 0:
        raise OSError(ctypes.get_errno(), "inotify_add_watch")
    while True:
        happened = os.read(events, 4096)
        for offset in range(0, len(happened), EVENT.size):  # a watched file's events have no name
            _, mask, _, _ = EVENT.unpack_from(happened, offset)
            if mask & IN_OPEN:
                subprocess.run(["losetup", "--set-capacity", device], check=False)
                drain(kept)
            elif mask & IN_CLOSE_WRITE:
                drain(kept)
                fill(kept)


def fill(pipe: int) -> None:
    try:
        while True:
            os.write(pipe, bytes(4096))
    except BlockingIOError:
        pass


def drain(pipe: int) -> None:
    try:
        while os.read(pipe, 1 << 16):
            pass
    except BlockingIOError:
        pass


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
