"""The release tool's decisions, on a host that can be killed between any two steps."""

import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest

from host.auth_release import proxy
from host.auth_release.errors import ReleaseError
from host.auth_release.status import status
from tests.unit.host.fakes import (
    IMAGE,
    OTHER,
    Host,
    Killed,
    MortalRecords,
    desired,
)


def test_the_first_release_is_number_one_and_live(host: Host) -> None:
    record = host.apply()

    assert (record.number, record.outcome) == (1, "live")
    assert host.serving == 1
    assert host.docker.over_reboots == {"auth-1": True}


def test_the_same_desired_state_twice_changes_nothing(host: Host) -> None:
    host.apply()
    host.life.restart()

    assert host.apply().number == 1
    assert host.life.effects == 0, "an unchanged release had effects"


def test_a_new_registry_password_alone_is_no_new_release(host: Host) -> None:
    host.apply()

    renewed = {"server": "registry.test", "username": "acme", "password": "new"}
    assert host.apply(registry=renewed).number == 1


@pytest.mark.parametrize(
    "change",
    [
        {"image": OTHER},
        {"environment": {"AUTH_ISSUER": "http://192.0.2.8"}},
        {"secrets": {"AUTH_SIGNING_KEY": "rotated"}},
        {"port": 9000},
        {"disk": "another"},
    ],
)
def test_a_changed_desired_state_is_a_new_release(host: Host, change: dict[str, Any]) -> None:
    host.apply()

    assert host.apply(**change).number == 2
    assert set(host.docker.running) == {2}, "the old release was not stopped"


def test_a_release_that_dies_leaves_the_old_one_alone(host: Host, capsys: Any) -> None:
    host.apply()
    host.docker.broken.add(OTHER)

    with pytest.raises(ReleaseError, match="exit code 3"):
        host.apply(image=OTHER)

    assert set(host.docker.running) == {1}
    assert host.serving == 1
    assert "auth-2 fails" in capsys.readouterr().err
    assert host.records.get(2).outcome == "failed"  # type: ignore[union-attr]


def test_a_proxy_that_refuses_keeps_leading_to_the_old_release(host: Host) -> None:
    host.apply()
    host.proxy.refuses = True

    with pytest.raises(ReleaseError, match="caddy refuses"):
        host.apply(image=OTHER, site="nonsense")

    assert host.routes.live("auth") == 1
    assert set(host.docker.running) == {1}


def test_a_stopped_container_is_started_anew(host: Host) -> None:
    host.apply()
    host.docker.running[1] = dataclasses.replace(host.docker.running[1], running=False)

    assert host.apply().number == 2


def test_an_edited_site_file_is_written_anew(host: Host) -> None:
    host.apply()
    site = host.site
    site.write_text(site.read_text() + "# edited\n")

    assert host.apply().number == 2
    assert "# edited" not in site.read_text()


def test_rollback_restores_image_and_configuration(host: Host) -> None:
    host.apply(environment={"A": "1"})
    host.apply(image=OTHER, environment={"A": "2"})

    restored = host.rollback()

    assert restored.desired.image == IMAGE
    assert restored.desired.environment == {"A": "1"}
    assert restored.note == "rollback from 2 to 1"
    assert host.serving == 3


@pytest.mark.parametrize(
    ("number", "reason"),
    [
        (5, "it is live already"),
        (3, "it failed, and it never served"),
        (1, r"it is too old, and its record is deleted \(`keep` in the desired state\)"),
        (9, "there was no such release; the newest is 5"),
        (0, "there was no such release; the newest is 5"),
    ],
)
def test_a_rollback_that_is_refused_has_the_reason_and_the_choice(
    host: Host, number: int, reason: str
) -> None:
    host.apply()
    host.apply(environment={"A": "2"})
    host.docker.broken.add(OTHER)
    with pytest.raises(ReleaseError):
        host.apply(image=OTHER)
    host.apply(environment={"A": "4"})
    host.apply(environment={"A": "5"})

    with pytest.raises(
        ReleaseError, match=f"^can't roll back to release {number}: {reason}. Choose from: 4$"
    ):
        host.rollback(number)


def test_a_rollback_without_an_earlier_release_is_refused(host: Host) -> None:
    host.apply()

    with pytest.raises(ReleaseError, match=r"^there is no earlier release to roll back to$"):
        host.rollback()
    with pytest.raises(ReleaseError, match=r"already. There is no earlier release to roll back to"):
        host.rollback(1)


def test_old_releases_are_deleted_with_images_that_no_other_release_uses(host: Host) -> None:
    images = [f"registry.test/auth@sha256:{digit * 64}" for digit in "abcd"]
    for image in images:
        host.apply(image=image)

    assert [record.number for record in host.records.all()] == [4, 3]
    assert host.docker.images == set(images[2:])


def test_failed_releases_do_not_push_out_the_one_to_roll_back_to(host: Host) -> None:
    host.apply()
    host.apply(environment={"A": "2"})
    host.docker.broken.add(OTHER)
    for _ in range(3):
        with pytest.raises(ReleaseError):
            host.apply(image=OTHER)
    host.apply(environment={"A": "3"})

    assert host.rollback().desired.environment == {"A": "2"}


# a release with all its parts
WHOLE: dict[str, Any] = {
    "image": OTHER,
    "hooks": {"before": [["migrate"]], "after": [["announce"]]},
    "canary": {"percent": 10, "seconds": 0.01, "max_error_percent": 1},
}


def effects_of_an_update(host: Host) -> int:
    host.apply()
    host.life.restart()
    host.apply(**WHOLE)
    return host.life.effects


def test_a_run_killed_at_any_step_leaves_one_release_serving_and_the_next_run_finishes(
    host: Host, tmp_path: Path
) -> None:
    steps = effects_of_an_update(host)
    assert steps > 15, "the count of effects looks wrong"

    log = proxy.Proxy.canary_log("auth")
    for step in range(steps):
        host = Host.new(tmp_path / f"state-{step}")
        host.routes.answers = answers(200, 200)
        life = host.life
        host.apply()
        life.effects, life.die_at = 0, step
        with pytest.raises(Killed):
            host.apply(**WHOLE)

        serving = host.docker.running.get(host.serving or 0)
        assert serving, f"killed at effect {step}: nothing serves"
        assert serving.running, f"killed at effect {step}: the live container does not run"
        life.restart()
        finished = host.apply(**WHOLE)
        assert set(host.docker.running) == {finished.number}, f"killed at effect {step}"
        assert host.serving == finished.number
        assert host.docker.over_reboots[finished.container], (
            f"killed at effect {step}: lost on reboot"
        )
        assert finished.desired.image == OTHER
        assert host.docker.hooks_left == [], f"killed at effect {step}: a hook still runs"
        assert log.read_text() == "", f"killed at effect {step}: the canary's log is still there"
        life.restart()
        assert host.apply(**WHOLE).number == finished.number
        assert life.effects == 0, f"killed at effect {step}: the second run had work left"


def test_the_public_part_of_a_record_holds_no_secret(host: Host) -> None:
    record = host.apply()

    assert "hunter" not in json.dumps(record.public())
    assert "hunter" not in repr(record)


def test_a_release_with_an_outdated_plan_is_refused(host: Host) -> None:
    host.apply()
    host.apply(environment={"A": "2"})
    host.life.restart()

    with pytest.raises(ReleaseError, match="release 2 was planned, but test made release 2 "):
        host.releases.apply(desired(image=OTHER), by="late", planned=2)

    assert host.life.effects == 0
    assert host.releases.apply(desired(image=OTHER), by="anew", planned=3).number == 3


def test_a_plan_for_the_live_desired_state_is_met(host: Host) -> None:
    host.apply()

    assert host.releases.apply(desired(), by="late", planned=7).number == 1


def test_a_repair_is_recorded_with_its_reason(host: Host) -> None:
    host.apply()
    container = host.docker.running[1]
    host.docker.running[1] = dataclasses.replace(container, running=False, exit_code=137)

    assert host.apply().note == "repair: auth-1 does not run (exit code 137)"


@pytest.mark.parametrize(
    ("changes", "difference"),
    [
        ({"running": False, "exit_code": 137}, "auth-1 does not run (exit code 137)"),
        ({"restarts": 4}, "auth-1 was started again 4 times"),
        ({"image": "other"}, "auth-1 runs the image other"),
        ({"environment": {"PATH": "/bin"}}, "another value of AUTH_ISSUER, AUTH_SIGNING_KEY_FILE"),
        ({"memory": 1 << 30}, "auth-1 may use 1024 MiB of memory"),
        ({"fingerprint": ""}, "auth-1 was made by somebody else"),
    ],
)
def test_a_change_by_hand_is_named_and_repaired(
    host: Host, changes: dict[str, Any], difference: str
) -> None:
    record = host.apply()
    assert host.differences(record) == []
    host.docker.images.add("other")
    host.docker.running[1] = dataclasses.replace(host.docker.running[1], **changes)

    (reported,) = host.differences(record)
    repaired = host.apply()

    assert difference in reported
    assert host.differences(repaired) == []


def test_a_container_that_is_gone_is_named(host: Host) -> None:
    record = host.apply()
    host.docker.running.clear()

    assert host.differences(record) == ["the container auth-1 is gone"]
    assert host.apply().number == 2


def test_a_changed_site_is_named(host: Host) -> None:
    record = host.apply()
    host.site.write_text(host.site.read_text() + "# by hand\n")

    assert host.differences(record) == [f"the proxy's {host.site} was changed"]


def test_hooks_run_in_the_new_image_before_and_after(host: Host) -> None:
    host.apply(hooks={"before": [["migrate"]], "after": [["announce", "it"]]})

    assert host.docker.hooked == [("migrate",), ("announce", "it")]


def test_a_hook_that_fails_before_stops_the_release(host: Host) -> None:
    host.apply()

    with pytest.raises(ReleaseError, match="the hook 'fail' before the release failed: no room"):
        host.apply(image=OTHER, hooks={"before": [["fail"]]})

    assert set(host.docker.running) == {1}
    assert host.serving == 1


def test_a_hook_that_fails_after_says_that_the_release_is_live(host: Host) -> None:
    with pytest.raises(ReleaseError, match="'fail' after the release failed; release 1 is live"):
        host.apply(hooks={"after": [["fail"]]})

    assert host.serving == 1


CANARY = {"percent": 10, "seconds": 0.01, "max_error_percent": 1}


def answers(*statuses: int) -> str:
    return "".join(json.dumps({"status": status}) + "\n" for status in statuses)


def test_a_canary_that_answers_well_takes_over(host: Host) -> None:
    host.apply()
    host.routes.answers = answers(200, 404, 200)

    assert host.apply(image=OTHER, canary=CANARY).number == 2
    assert host.routes.canaries == ["auth-2 beside auth-1"]
    assert host.serving == 2
    assert len(host.routes.kernel) == 1, "the canary still has a share"


def test_a_canary_that_answers_with_errors_is_taken_back(host: Host) -> None:
    host.apply()
    host.routes.answers = answers(200, 503)

    with pytest.raises(ReleaseError, match=r"1 of 2 answers were server errors \(50\.0 %"):
        host.apply(image=OTHER, canary=CANARY)

    assert host.serving == 1
    assert len(host.routes.kernel) == 1, "the canary still has a share"
    assert set(host.docker.running) == {1}


def test_the_first_release_needs_no_canary(host: Host) -> None:
    host.apply(canary=CANARY)

    assert host.routes.canaries == []


def test_the_canary_is_no_part_of_a_release(host: Host) -> None:
    host.apply()

    assert host.apply(canary=CANARY).number == 1


def test_neighbours_in_time_and_services_have_addresses_of_their_own(
    host: Host, tmp_path: Path
) -> None:
    addresses = [host.apply(environment={"A": str(number)}).address for number in range(3)]
    other = MortalRecords(tmp_path / "state", host.life, service="other").slot()

    assert addresses[0] != addresses[1] != addresses[2]
    assert not set(addresses) & {other.service, other.canary, *other.releases}
    assert host.records.slot() == host.records.slot()


def test_the_status_of_an_unknown_service_writes_nothing(host: Host, tmp_path: Path) -> None:
    before = sorted((tmp_path / "state").rglob("*"))

    assert status(host.parts)["live"] is None

    assert sorted((tmp_path / "state").rglob("*")) == before


def test_the_canarys_log_is_the_proxys_alone_and_older_ones_are_deleted(host: Host) -> None:
    older = [
        proxy.LOGS / name
        for name in ("auth-canary.log", "auth-canary-2026-01-02T03-04-05.000.log.gz")
    ]
    others = proxy.LOGS / "auth-canary-two-trial.log"
    for path in (*older, others):
        path.touch()

    host.apply()

    assert proxy.Proxy.canary_log("auth").stat().st_mode & 0o777 == 0o600
    assert not any(path.exists() for path in older)
    assert others.exists(), "another service's log is gone"


def test_clients_leave_their_connections_before_a_reload_of_the_proxy_and_keep_them_after(
    host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    closing, reload = proxy.SIGNALS / proxy.CLOSING, host.proxy.reload
    at_reload = []

    def reloaded() -> None:
        at_reload.append(closing.exists())
        reload()

    monkeypatch.setattr(host.proxy, "reload", reloaded)
    host.apply()
    host.apply(site="auth.example.test")
    host.proxy.refuses = True
    with pytest.raises(ReleaseError):
        host.apply(site="nonsense")

    assert at_reload[0] is False, "nobody has a connection before the first release"
    assert all(at_reload[1:])
    assert not closing.exists()


def test_a_run_that_was_killed_before_a_reload_does_not_cost_connections_for_ever(
    host: Host,
) -> None:
    host.apply()
    (proxy.SIGNALS / proxy.CLOSING).touch()

    host.apply(image=OTHER)

    assert not (proxy.SIGNALS / proxy.CLOSING).exists()
