"""The operator's own name, logo and colours on the pages."""

import re

import httpx
import pytest
from applications import Browser
from auth.settings import Settings, SettingsError
from running import ISSUER, Server

LOGO = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 4 4"><style>rect{fill:red}</style></svg>'
)
SERVER_SETTINGS = {
    "AUTH_BRAND_NAME": "Ada & <i>Co</i>",
    "AUTH_BRAND_LOGO": LOGO,
    "AUTH_BRAND_COLOR": "#006644",
}


def test_the_pages_have_the_name_and_the_logo(stranger: Browser) -> None:
    shown = stranger.open("/sign-in")

    assert "<title>Sign in · Ada &amp; &lt;i&gt;Co&lt;/i&gt;</title>" in shown.text
    assert '<p class="brand">Ada &amp; &lt;i&gt;Co&lt;/i&gt;</p>' in shown.text
    address = re.search(r'<img class="mark" src="([^"]*)"', shown.text)
    assert address
    logo = stranger.client.get(address[1])
    assert (logo.text, logo.headers["Content-Type"]) == (LOGO, "image/svg+xml")
    policy = logo.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert policy.endswith("sandbox"), "the policy of every answer, which has no styles"
    assert "immutable" in logo.headers["Cache-Control"]


def test_the_colour_is_that_of_light_pages_alone(stranger: Browser) -> None:
    address = re.search(r'href="(/brand.css[^"]*)"', stranger.open("/sign-in").text)
    assert address

    style = stranger.client.get(address[1]).text

    assert "not (prefers-color-scheme: dark)" in style
    assert "--accent: #006644" in style
    assert style.count("@media") == 1


@pytest.mark.parametrize(
    "before",
    [
        "",
        '\ufeff<?xml version="1.0"?>\n',
        "<!-- Drawn <by> a program,\n<svg> -->\n",
        '<?xml version="1.0"?><!-- a --> <!-- b -->',
        '<!DOCTYPE svg PUBLIC "-//W3C//DTD SVG 1.1//EN" "svg11.dtd">\n',
        '<?xml-stylesheet href="a.css"?>',
    ],
)
def test_a_logo_may_have_a_prolog_before_its_image(key: str, before: str) -> None:
    logo = f"{before}<svg xmlns='http://www.w3.org/2000/svg'/>"
    variables = {"AUTH_SIGNING_KEY": key, "AUTH_ISSUER": ISSUER, "AUTH_BRAND_LOGO": logo}

    assert Settings.from_environment(variables).brand_logo == logo


@pytest.mark.parametrize(
    ("name", "value", "problem"),
    [
        ("AUTH_BRAND_LOGO", "<!-- a --><img><!-- b --><svg>", "is no SVG image"),
        ("AUTH_BRAND_COLOR", "#ffcc00", "its contrast with the page is 1.4"),
        ("AUTH_BRAND_COLOR_DARK", "#3347c4", "its contrast with the page is"),
        ("AUTH_BRAND_COLOR", "red;} body{}", "must be a colour"),
        ("AUTH_BRAND_LOGO", "<img>", "is no SVG image"),
        ("AUTH_BRAND_NAME", "x" * 65, "AUTH_BRAND_NAME"),
    ],
)
def test_a_brand_that_can_not_be_shown_keeps_the_service_from_starting(
    key: str, name: str, value: str, problem: str
) -> None:
    with pytest.raises(SettingsError, match=problem):
        Settings.from_environment({"AUTH_SIGNING_KEY": key, "AUTH_ISSUER": ISSUER, name: value})


def test_without_a_brand_there_is_ours(on_sqlite: Server) -> None:
    on_sqlite.start()

    with httpx.Client(base_url=on_sqlite.url, timeout=30) as client:
        shown, logo = client.get("/sign-in").text, client.get("/logo.svg")

    assert '<svg class="mark"' in shown
    assert "brand" not in shown
    assert logo.status_code == 404
