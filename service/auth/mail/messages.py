"""The texts of the mails. Each names its service, and the way out for an unexpected mail."""

from dataclasses import dataclass, replace
from typing import Self
from urllib.parse import quote

from auth.languages.language import Language
from auth.languages.messages import Message, counted
from auth.storage.accounts import Account

_ALARM = Message(
    "If that was not you, set a new password now, and inform the people who run the service."
)
_NOT_YOU = Message("If you did not ask for this, ignore this mail: nothing changes.")
_INFORM = Message("If that was not you, inform the people who run the service.")
_FACTORS = {"authenticator app": Message("authenticator app"), "passkey": Message("passkey")}


@dataclass(frozen=True)
class Messages:
    """`verify_url` and `reset_url` hold `{token}` where the token goes.

    The texts are in the first of the `languages`, if `locale` is not one of them.
    """

    issuer: str
    verify_url: str
    reset_url: str
    languages: tuple[str, ...]
    locale: str = ""

    def in_language_of(self, account: Account | None) -> Self:
        return replace(self, locale=account.locale or "") if account else self

    def verify(self, token: str) -> tuple[str, str]:
        return self._with_token(
            Message("Confirm your e-mail address"),
            Message(
                "Somebody, probably you, registered at %(issuer)s with this address, and chose a "
                "password. Open this link only if that was you:",
                issuer=self.issuer,
            ),
            self.verify_url,
            token,
            Message("The link works once, within a day."),
        )

    def change(self, token: str) -> tuple[str, str]:
        return self._with_token(
            Message("Confirm your new e-mail address"),
            Message("Open this link to use this address from now on:"),
            self.verify_url,
            token,
            Message("The link works once, within a day."),
        )

    def reset(self, token: str) -> tuple[str, str]:
        return self._with_token(
            Message("Set a new password"),
            Message("Open this link to set a new password:"),
            self.reset_url,
            token,
            Message("The link works once, within an hour."),
        )

    def reset_link(self, token: str) -> str:
        return _link(self.reset_url, token)

    def already_registered(self) -> tuple[str, str]:
        return self._mail(
            Message("You have an account already"),
            Message(
                "Somebody, probably you, registered at %(issuer)s with this address, which has an "
                "account. Sign in with its password, or ask for a new password there.",
                issuer=self.issuer,
            ),
            _NOT_YOU,
        )

    def password_changed(self) -> tuple[str, str]:
        return self._mail(
            Message("Your password was changed"),
            Message(
                "The password of your account at %(issuer)s was changed, and other devices were "
                "signed out.",
                issuer=self.issuer,
            ),
            Message("If that was not you, set a new password now with 'forgot password'."),
        )

    def email_changed(self, new: str) -> tuple[str, str]:
        return self._mail(
            Message("Your e-mail address was changed"),
            Message(
                "Your account at %(issuer)s now has the address %(email)s.",
                email=new,
                issuer=self.issuer,
            ),
            _INFORM,
        )

    def factor_added(self, factor: str) -> tuple[str, str]:
        return self._mail(
            Message("A second factor was added"),
            Message(
                "Your account at %(issuer)s has a new second factor to sign in with: %(factor)s.",
                factor=_FACTORS[factor],
                issuer=self.issuer,
            ),
            _ALARM,
        )

    def factor_removed(self, factor: str) -> tuple[str, str]:
        return self._mail(
            Message("A second factor was removed"),
            Message(
                "A second factor can no longer sign in to your account at %(issuer)s: %(factor)s.",
                factor=_FACTORS[factor],
                issuer=self.issuer,
            ),
            _ALARM,
        )

    def identity_linked(self, upstream: str) -> tuple[str, str]:
        return self._mail(
            Message("A way to sign in was added"),
            Message(
                "%(upstream)s can now sign in to your account at %(issuer)s.",
                upstream=upstream,
                issuer=self.issuer,
            ),
            _ALARM,
            Message("Then remove %(upstream)s on the page of your account.", upstream=upstream),
        )

    def identity_removed(self, upstream: str) -> tuple[str, str]:
        return self._mail(
            Message("A way to sign in was removed"),
            Message(
                "%(upstream)s can no longer sign in to your account at %(issuer)s, and other "
                "devices were signed out.",
                upstream=upstream,
                issuer=self.issuer,
            ),
            _ALARM,
        )

    def second_factor_reset(self) -> tuple[str, str]:
        return self._mail(
            Message("Your second factor was reset"),
            Message(
                "An administrator of %(issuer)s removed every second factor of your account, and "
                "it was signed out everywhere. Sign in with your password, then set it up again.",
                issuer=self.issuer,
            ),
            Message("If you did not ask for this, inform the people who run the service."),
        )

    def recovery_codes_renewed(self) -> tuple[str, str]:
        return self._mail(
            Message("You have new recovery codes"),
            Message(
                "Your account at %(issuer)s got new recovery codes; earlier codes are void.",
                issuer=self.issuer,
            ),
            _ALARM,
        )

    def recovery_code_used(self, left: int) -> tuple[str, str]:
        return self._mail(
            Message("A recovery code was used"),
            counted(
                "Somebody used a recovery code of your account at %(issuer)s; %(n)s is left.",
                "Somebody used a recovery code of your account at %(issuer)s; %(n)s are left.",
                left,
                issuer=self.issuer,
            ),
            _ALARM,
        )

    def factor_guessed(self, failures: int, *, last: bool) -> tuple[str, str]:
        return self._mail(
            Message("Somebody may have your password"),
            Message(
                "Somebody signed in at %(issuer)s with the password of your account, and then gave "
                "a wrong second factor, %(failures)s times in a row.",
                failures=failures,
                issuer=self.issuer,
            ),
            Message(
                "No second factor is accepted any more until you set a new password, with 'forgot "
                "password'."
            )
            if last
            else Message("If that was not you, set a new password, with 'forgot password'."),
        )

    def _with_token(
        self, subject: Message, text: Message, url: str, token: str, lasts: Message
    ) -> tuple[str, str]:
        code = Message("If an application asks for a code, enter this:")
        return self._mail(
            subject, text, _link(url, token), lasts, code, token, _NOT_YOU, self.issuer
        )

    def _mail(self, subject: Message, *paragraphs: Message | str) -> tuple[str, str]:
        """Return subject and text in the language."""
        known = self.locale in self.languages
        language = Language.named(self.locale if known else self.languages[0])
        texts = [language.text(part) if isinstance(part, Message) else part for part in paragraphs]
        return language.text(subject), "\n\n".join(texts) + "\n"


def _link(url: str, token: str) -> str:
    return url.replace("{token}", quote(token, safe=""))
