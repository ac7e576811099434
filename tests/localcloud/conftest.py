from collections.abc import Iterator
from typing import Any

import pytest

from localcloud.account import Account
from localcloud.home import Home
from tests.localcloud.caller import Caller
from tests.localcloud.served import served


@pytest.fixture(scope="session")
def caller(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Caller]:
    """A cloud whose server runs, for all that needs no machine."""
    home = Home.open(tmp_path_factory.mktemp("api") / "home")
    with served(home):
        yield Caller(home, Account.open(home))


@pytest.fixture
def vcn(caller: Caller) -> Any:
    return caller.vcn()
