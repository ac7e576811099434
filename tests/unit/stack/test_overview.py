"""The alarms in `make status`."""

from stack.alarms import AlarmState
from stack.overview import summary


def alarm(name: str, state: str) -> AlarmState:
    return AlarmState(name=name, state=state, since="noon", silent_until="")


def test_the_alarms_that_fire_have_a_line_each() -> None:
    assert summary([alarm("disk", "OK"), alarm("site", "FIRING"), alarm("cpu", "OFF")]) == [
        "  alarms   FIRING  site, since noon"
    ]


def test_alarms_that_do_not_fire_share_a_line() -> None:
    assert summary([alarm("disk", "OK")]) == ["  alarms   none of 1 fires"]
    assert summary([alarm("disk", "OK"), alarm("site", "OFF")]) == [
        "  alarms   none of 2 fires, 1 disabled"
    ]
