from localcloud.host import shortage


def test_a_low_limit_of_inotify_instances_is_named_with_the_command_that_raises_it() -> None:
    text = shortage(128)
    assert "about 9 machines" in text
    assert "sysctl fs.inotify.max_user_instances=1024" in text
    assert shortage(1024) == ""
