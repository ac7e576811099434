"""A machine ends only while nobody brings the packet filters of all machines up to date."""

import threading
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from localcloud import resources
from localcloud.services.core import boot_volume, instance_lifecycle, vnic, volume_attachment
from localcloud.services.load_balancer import lifecycle as balancer_lifecycle
from localcloud.services.psql import lifecycle as database_lifecycle

Steps = dict[str, Callable[[Any, Any], None]]


@pytest.mark.parametrize(
    ("steps", "state"),
    [
        (instance_lifecycle.STEPS, "TERMINATING"),
        (instance_lifecycle.STEPS, "STOPPING"),
        (database_lifecycle.STEPS, "DELETING"),
        (balancer_lifecycle.STEPS, "DELETING"),
    ],
    ids=["instance", "stopped instance", "database system", "load balancer"],
)
def test_a_machine_ends_after_a_round_of_the_network(
    steps: Steps, state: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    ended = threading.Event()
    machine = SimpleNamespace(terminate=lambda _: ended.set(), stop=lambda _: ended.set())
    cloud: Any = SimpleNamespace(
        network_lock=threading.RLock(),
        machines=SimpleNamespace(
            databases=machine, balancers=machine, terminate=machine.terminate, stop=machine.stop
        ),
        store=SimpleNamespace(find=lambda *_, **__: [], transaction=threading.Lock),
        database_rules={},
        balancer_reach={},
        now=lambda: None,
    )
    monkeypatch.setattr(resources, "arrive", lambda *_, **__: None)
    monkeypatch.setattr(volume_attachment, "of_instance", lambda *_: [])
    monkeypatch.setattr(vnic, "detach", lambda *_: None)
    monkeypatch.setattr(boot_volume, "detach", lambda *_: None)
    resource = SimpleNamespace(id="ocid", heading_for="STOPPED")
    step = threading.Thread(target=steps[state], args=(cloud, resource))

    with cloud.network_lock:
        step.start()
        assert not ended.wait(0.2), "its filter may be written at this moment"
    step.join(timeout=10)
    assert ended.is_set()
