"""The questions to Docker of a changed line: each takes its time while somebody waits."""

from collections import Counter
from typing import Any

import pytest

from host.auth_release.containers import Docker
from tests.unit.host.fakes import OTHER, Host, desired


def test_the_calls_of_a_release_until_it_serves_stay_within_their_budget(
    host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    host.apply()
    calls: Counter[str] = Counter()

    def count(name: str) -> None:
        function = getattr(host.docker, name)

        def counted(*args: Any, **options: Any) -> Any:
            calls[name] += 1
            return function(*args, **options)

        monkeypatch.setattr(host.docker, name, counted)

    # has_ended looks into /proc
    for name in {*vars(Docker)} - {"has_ended"}:
        if not name.startswith("_"):
            count(name)

    record = host.releases.apply(desired(image=OTHER), by="test")

    assert record.number == host.serving == 2
    assert dict(calls) == {
        "containers": 4,
        "has_image": 1,
        "hooks": 1,
        "keep_over_reboots": 1,
        "pull": 1,
        "start": 1,
    }
