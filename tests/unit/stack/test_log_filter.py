"""A log gets few lines of an update, and every end."""

from stack.log_filter import LogFilter

CREATING = " +  command:remote:Command auth-provision creating (14s) Harden SSH..."
CREATED = " +  command:remote:Command auth-provision created (67s) ready"
REPLACING = " +- oci:Core:Subnet auth-subnet replacing (0s) [diff: ~cidrBlock]"
OTHER = " +  docker:index:Image auth-image creating (2s) #1 [internal] load"


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_a_step_is_shown_once_and_again_after_a_while() -> None:
    clock = Clock()
    log = LogFilter(clock)

    assert [log.keeps(line) for line in (CREATING, CREATING, OTHER, OTHER)] == [
        True,
        False,
        True,
        False,
    ]
    clock.now += 16
    assert log.keeps(CREATING)
    assert not log.keeps(CREATING)


def test_each_next_step_and_the_end_are_shown() -> None:
    log = LogFilter(Clock())

    assert all(log.keeps(line) for line in (CREATING, CREATED, REPLACING))


def test_lines_that_are_no_row_of_a_resource_are_all_shown() -> None:
    log = LogFilter(Clock())
    lines = ("Updating (local):", "", "    error: update failed", "  warning: (2s)", "Resources:")

    assert all(log.keeps(line) for line in lines for _ in range(2))
