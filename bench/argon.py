"""The bare rate of argon2: `python -m bench.argon WORKERS SECONDS` prints verifications a second.

With the service's own parameters and as many threads as it hashes with, but nothing around them.
"""

import sys
import threading
import time

from argon2 import PasswordHasher
from auth.passwords import LANES, MEMORY_KIB, PASSES


def rate(workers: int, seconds: float) -> float:
    hasher = PasswordHasher(time_cost=PASSES, memory_cost=MEMORY_KIB, parallelism=LANES)
    hashed = hasher.hash("correct horse")
    counts = [0] * workers
    end = time.monotonic() + seconds

    def work(number: int) -> None:
        while time.monotonic() < end:
            hasher.verify(hashed, "correct horse")
            counts[number] += 1

    began = time.monotonic()
    threads = [threading.Thread(target=work, args=(number,)) for number in range(workers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sum(counts) / (time.monotonic() - began)


if __name__ == "__main__":
    print(rate(int(sys.argv[1]), float(sys.argv[2])))
