"""A real Chromium, headless, from Debian's package."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

from selenium.webdriver import Chrome, ChromeOptions
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.virtual_authenticator import VirtualAuthenticatorOptions

from common import cache, root

_PACKAGES = ("chromium", "chromium-driver")
_OPTIONS = (
    "--headless",
    "--no-sandbox",  # the sandbox works neither as root nor in a container
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
    "--force-device-scale-factor=1",
)
_LIGHT, _DARK = "light", "dark"


def ensure() -> None:
    """Install Chromium where it is missing."""
    if not all(map(shutil.which, ("chromium", "chromedriver"))):
        root.install(*_PACKAGES, log=cache.folder() / "log" / "chromium.log")


@contextmanager
def browser(
    *, javascript: bool = True, dark: bool = False, size: tuple[int, int] = (1000, 760)
) -> Iterator[Chrome]:
    """Yield a browser with an empty profile."""
    options = ChromeOptions()
    options.binary_location = str(shutil.which("chromium"))
    with tempfile.TemporaryDirectory(prefix="auth-chromium-") as profile:
        width, height = size
        for option in (*_OPTIONS, f"--user-data-dir={profile}", f"--window-size={width},{height}"):
            options.add_argument(option)
        options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
        driver = Chrome(options=options, service=Service(shutil.which("chromedriver")))
        try:
            driver.execute_cdp_cmd(
                "Emulation.setScriptExecutionDisabled", {"value": not javascript}
            )
            scheme = {"name": "prefers-color-scheme", "value": _DARK if dark else _LIGHT}
            driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [scheme]})
            yield driver
        finally:
            driver.quit()


@contextmanager
def authenticator(driver: Chrome) -> Iterator[None]:
    """Give the browser passkeys (WebDriver, §11) and a user who accepts every prompt."""
    driver.add_virtual_authenticator(
        VirtualAuthenticatorOptions(
            transport=VirtualAuthenticatorOptions.Transport.INTERNAL,
            has_resident_key=True,
            has_user_verification=True,
            is_user_verified=True,
        )
    )
    yield
    driver.remove_virtual_authenticator()


def run_first(driver: Chrome, script: str) -> None:
    """Run a script in each later page before the page's own."""
    driver.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", {"source": script})


def complaints(driver: Chrome) -> list[str]:
    """Return the console's errors about the content security policy or our script."""
    messages = [str(entry["message"]) for entry in driver.get_log("browser")]  # type: ignore[no-untyped-call]
    signs = ("Content Security Policy", "Refused", "Uncaught")
    return [line for line in messages if any(sign in line for sign in signs)]
