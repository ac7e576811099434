"""The texts of the mails. Each names its service, and the way out for an unexpected mail."""

from dataclasses import dataclass
from urllib.parse import quote

_ALARM = "If that was not you, set a new password now, and inform the people who run the service."
_NOT_YOU = "If you did not ask for this, ignore this mail: nothing changes."


@dataclass(frozen=True)
class Messages:
    """`verify_url` and `reset_url` hold `{token}` where the token goes."""

    issuer: str
    verify_url: str
    reset_url: str

    def verify(self, token: str) -> tuple[str, str]:
        return "Confirm your e-mail address", self._with_token(
            f"Somebody, probably you, registered at {self.issuer} with this address, and chose a "
            "password. Open this link only if that was you:",
            self.verify_url,
            token,
            "a day",
        )

    def change(self, token: str) -> tuple[str, str]:
        return "Confirm your new e-mail address", self._with_token(
            "Open this link to use this address from now on:", self.verify_url, token, "a day"
        )

    def reset(self, token: str) -> tuple[str, str]:
        return "Set a new password", self._with_token(
            "Open this link to set a new password:", self.reset_url, token, "an hour"
        )

    def reset_link(self, token: str) -> str:
        return _link(self.reset_url, token)

    def already_registered(self) -> tuple[str, str]:
        return "You have an account already", (
            f"Somebody, probably you, registered at {self.issuer} with this address, which has an "
            f"account. Sign in with its password, or ask for a new password there.\n\n{_NOT_YOU}\n"
        )

    def password_changed(self) -> tuple[str, str]:
        return "Your password was changed", (
            f"The password of your account at {self.issuer} was changed, and other devices were "
            "signed out.\n\nIf that was not you, set a new password now with 'forgot password'.\n"
        )

    def email_changed(self, new: str) -> tuple[str, str]:
        return "Your e-mail address was changed", (
            f"Your account at {self.issuer} now has the address {new}.\n\n"
            "If that was not you, inform the people who run the service.\n"
        )

    def factor_added(self, factor: str) -> tuple[str, str]:
        return "A second factor was added", (
            f"Your account at {self.issuer} has a new {factor} to sign in with.\n\n{_ALARM}\n"
        )

    def factor_removed(self, factor: str) -> tuple[str, str]:
        return "A second factor was removed", (
            f"One {factor} can no longer sign in to your account at {self.issuer}.\n\n{_ALARM}\n"
        )

    def identity_linked(self, upstream: str) -> tuple[str, str]:
        return "A way to sign in was added", (
            f"{upstream} can now sign in to your account at {self.issuer}.\n\n{_ALARM} Then remove "
            f"{upstream} on the page of your account.\n"
        )

    def identity_removed(self, upstream: str) -> tuple[str, str]:
        return "A way to sign in was removed", (
            f"{upstream} can no longer sign in to your account at {self.issuer}, and other devices "
            f"were signed out.\n\n{_ALARM}\n"
        )

    def second_factor_reset(self) -> tuple[str, str]:
        return "Your second factor was reset", (
            f"An administrator of {self.issuer} removed every second factor of your account, and "
            "it was signed out everywhere. Sign in with your password, then set it up again.\n\n"
            "If you did not ask for this, inform the people who run the service.\n"
        )

    def recovery_codes_renewed(self) -> tuple[str, str]:
        return "You have new recovery codes", (
            f"Your account at {self.issuer} got new recovery codes; earlier codes are void."
            f"\n\n{_ALARM}\n"
        )

    def recovery_code_used(self, left: int) -> tuple[str, str]:
        return "A recovery code was used", (
            f"Somebody used a recovery code of your account at {self.issuer}; {left} are left."
            f"\n\n{_ALARM}\n"
        )

    def factor_guessed(self, failures: int, *, last: bool) -> tuple[str, str]:
        closed = (
            "No second factor is accepted any more until you set a new password"
            if last
            else "If that was not you, set a new password"
        )
        return "Somebody may have your password", (
            f"Somebody signed in at {self.issuer} with the password of your account, and then gave "
            f"a wrong second factor, {failures} times in a row.\n\n{closed}, with 'forgot "
            "password'.\n"
        )

    def _with_token(self, text: str, url: str, token: str, lasts: str) -> str:
        return (
            f"{text}\n\n{_link(url, token)}\n\n"
            f"The link works once, within {lasts}. If an application asks for a "
            f"code, enter this:\n\n{token}\n\n{_NOT_YOU}\n\n{self.issuer}\n"
        )


def _link(url: str, token: str) -> str:
    return url.replace("{token}", quote(token, safe=""))
