"""The applications of docs/frameworks.md, each with its framework's own client."""

import json
import secrets

import pytest
from applications import SECRET, Browser, hashed
from documented import Application, frameworks
from running import Server
from users import User


@pytest.mark.parametrize("framework", frameworks())
def test_the_documented_application_signs_its_user_in(framework: str, on_sqlite: Server) -> None:
    folder = on_sqlite.data / "application"
    folder.mkdir()
    application = Application(frameworks()[framework], folder)
    client = {
        "client_id": "shop",
        "name": "Web Shop",
        "secret_sha256": hashed(SECRET),
        "redirect_uris": [application.redirect_uri],
        "first_party": True,
    }
    on_sqlite.issues_as_itself = True
    on_sqlite.settings = {"AUTH_CLIENTS": json.dumps([client])}
    on_sqlite.start()
    variables = {
        "ISSUER": on_sqlite.url,
        "CLIENT_ID": "shop",
        "CLIENT_SECRET": SECRET,
        "SESSION_KEY": secrets.token_hex(32),
    }

    with application.running(variables), Browser(on_sqlite.url) as browser:
        user = User.signed_in(browser.client)
        browser.client.follow_redirects = True
        asked = browser.client.get(application.url)
        home = browser.submit(asked, email=user.email, password=user.password)
        expected = {"sub": user.id, "email": user.email}

    assert home.json() == expected
