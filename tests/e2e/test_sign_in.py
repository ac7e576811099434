"""A stock OpenID Connect client and a browser sign in with the service that `make up` deployed."""

from tests.testbed.clone import Clone
from tests.testbed.sign_in import known_application, signs_in_by_browser


def test_a_browser_and_a_stock_client_sign_in(clone: Clone, url: str) -> None:
    with known_application(clone) as application:
        assert clone.make("up").status == 0
        signs_in_by_browser(application, url)
    assert clone.make("up").status == 0
