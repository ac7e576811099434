"""The rate of argon2id alone, in hashes a second.

The command is `python -m bench.argon LIBRARY WORKERS SECONDS`, with a fourth word for the moment to
begin, in seconds since 1970, so that several processes run at the same time.

It has the parameters and the number of threads of the service. `LIBRARY` is `libsodium`, which the
service uses, or `reference`, the library of argon2-cffi.
"""

import sys
import threading
import time
from collections.abc import Callable

from auth.crypto import passwords

_PASSWORD = "correct horse"  # noqa: S105 - nobody's


def _libsodium() -> Callable[[], object]:
    stored_hash = passwords.hashed(_PASSWORD)
    return lambda: passwords.is_right(stored_hash, _PASSWORD)


def _reference() -> Callable[[], object]:
    from argon2 import PasswordHasher  # noqa: PLC0415 - the service's image does not have it

    hasher = PasswordHasher(passwords.PASSES, passwords.MEMORY_KIB, parallelism=1)
    stored_hash = hasher.hash(_PASSWORD)
    return lambda: hasher.verify(stored_hash, _PASSWORD)


def rate(verify: Callable[[], object], workers: int, seconds: float) -> float:
    counts = [0] * workers
    end = time.monotonic() + seconds

    def work(number: int) -> None:
        while time.monotonic() < end:
            verify()
            counts[number] += 1

    began = time.monotonic()
    threads = [threading.Thread(target=work, args=(number,)) for number in range(workers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sum(counts) / (time.monotonic() - began)


if __name__ == "__main__":
    library = {"libsodium": _libsodium, "reference": _reference}[sys.argv[1]]
    verify = library()
    for moment in sys.argv[4:]:
        time.sleep(max(0, float(moment) - time.time()))
    print(rate(verify, int(sys.argv[2]), float(sys.argv[3])))
