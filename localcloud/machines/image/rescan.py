"""A loop device's `rescan`: a write to it makes the device take the present size of its file.

The kernel does that before such a write returns, and so does this program: the named pipe is full,
so a writer waits until the program noticed the opening and the device has its size.

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
    """Serve the pipe; never returns."""
    # opened both ways: opening a pipe for a single direction waits for the other end
    descriptor = os.open(pipe, os.O_RDWR | os.O_NONBLOCK)
    fcntl.fcntl(descriptor, fcntl.F_SETPIPE_SZ, os.sysconf("SC_PAGE_SIZE"))
    fill(descriptor)
    libc = ctypes.CDLL(None, use_errno=True)
    events = libc.inotify_init()
    if libc.inotify_add_watch(events, pipe.encode(), IN_OPEN | IN_CLOSE_WRITE) < 0:
        raise OSError(ctypes.get_errno(), "inotify_add_watch")
    while True:
        events_read = os.read(events, 4096)
        # a watched file's events have no name
        for offset in range(0, len(events_read), EVENT.size):
            _, mask, _, _ = EVENT.unpack_from(events_read, offset)
            if mask & IN_OPEN:
                subprocess.run(["losetup", "--set-capacity", device], check=False)
                drain(descriptor)
            elif mask & IN_CLOSE_WRITE:
                drain(descriptor)
                fill(descriptor)


def fill(pipe: int) -> None:
    """Fill the pipe, so that a writer waits."""
    try:
        while True:
            os.write(pipe, bytes(4096))
    except BlockingIOError:
        pass


def drain(pipe: int) -> None:
    """Empty the pipe, so that a waiting writer goes on."""
    try:
        while os.read(pipe, 1 << 16):
            pass
    except BlockingIOError:
        pass


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
