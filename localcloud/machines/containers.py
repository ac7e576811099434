"""Work in the cloud's own containers: files that are written, packet filters, and their start."""

import time

from localcloud.machines.docker import DockerError, docker


def put(container: str, path: str, text: str, *, then: str) -> None:
    """Write a file in a container, then run a line of its shell."""
    script = f'(umask 077 && cat > "$1.new" && mv "$1.new" "$1") && {then}'
    # a start in a container takes longer than most commands: so both are a single one
    docker(
        *("exec", "--interactive", container, "sh", "-c", script, "put", path),
        stdin=text.encode(),
    )


def put_packet_filter(container: str, packet_filter: str) -> None:
    """Put a packet filter in force, now and after each start."""
    put(
        container,
        "/etc/localcloud/ingress",
        packet_filter,
        then="/usr/local/sbin/localcloud-network",
    )


def wait_until(container: str, *command: str, server: str, seconds: float, pause: float) -> None:
    """Wait until a command succeeds in a container; DockerError names the server that it awaits."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            docker("exec", container, *command)
        except DockerError as error:
            if time.monotonic() > deadline:
                raise DockerError(
                    f"{server} did not start within {seconds} s ({error}). "
                    f"Its log: docker logs {container}"
                ) from error
            time.sleep(pause)
        else:
            return
