"""The errors of the service: problems that end a request, settings that prevent a start."""

from collections.abc import Mapping
from enum import Enum

from auth.languages.messages import Message, msgid


class Code(Enum):
    """The stable code of each problem, with its status and its title."""

    INVALID_REQUEST = (422, msgid("The request does not match the API description."))
    INVALID_CREDENTIALS = (401, msgid("The e-mail address or the password is wrong."))
    INVALID_TOKEN = (401, msgid("The access token is missing, wrong or expired."))
    SECOND_FACTOR_REQUIRED = (401, msgid("The password is right; now show the second factor."))
    INVALID_FACTOR = (401, msgid("The code or the key is wrong, or was used already."))
    INVALID_CHALLENGE = (401, msgid("The challenge is wrong, used or expired. Begin again."))
    REAUTHENTICATION_REQUIRED = (
        403,
        msgid("Log in again, with the second factor if you have one: this needs a recent login."),
    )
    ACCOUNT_DISABLED = (403, msgid("The account is disabled."))
    EMAIL_NOT_VERIFIED = (
        403,
        msgid("The e-mail address is not verified yet; see the mail sent to it."),
    )
    FORBIDDEN = (403, msgid("This account may not do that."))
    HTTPS_REQUIRED = (403, msgid("Use https: this request came unencrypted."))
    INSUFFICIENT_SCOPE = (403, msgid("The application that got this token may not do that."))
    INVALID_REFRESH_TOKEN = (
        401,
        msgid("The refresh token is wrong, expired or revoked. Log in again."),
    )
    INVALID_CODE = (400, msgid("The code is wrong, used or expired. Ask for a new code."))
    NOT_FOUND = (404, msgid("Resource not found."))
    CONFLICT = (409, msgid("That can't be done to this account."))
    EMAIL_TAKEN = (409, msgid("There is an account with this e-mail address."))
    TOO_LARGE = (413, msgid("The request is larger than 16 KiB."))
    TIMEOUT = (408, msgid("The request did not arrive in time."))
    PASSWORD_RESET_REQUIRED = (
        403,
        msgid(
            "Too many wrong second factors. Set a new password with 'forgot password', "
            "then sign in."
        ),
    )
    PASSWORD_REQUIRED = (
        403,
        msgid(
            "Somebody else may have registered this address: send the password of the account, too."
        ),
    )
    PASSWORD_REFUSED = (422, msgid("The password can't be used."))
    RATE_LIMITED = (429, msgid("Too many requests; try again later."))
    INTERNAL = (500, msgid("The service failed; its log has the reason under the request's id."))
    BUSY = (503, msgid("Too many logins at once; try again in a moment."))
    UNAVAILABLE = (503, msgid("The service can't reach its data; try again in a moment."))

    @property
    def status(self) -> int:
        return self.value[0]

    @property
    def title(self) -> str:
        return self.value[1]


class ProblemError(Exception):
    """Ends a request with a problem."""

    def __init__(
        self,
        code: Code,
        headers: Mapping[str, str] | None = None,
        *,
        detail: Message | None = None,
        more: Mapping[str, object] | None = None,
    ) -> None:
        """`more` are additional members of the document (RFC 9457 §3.2)."""
        super().__init__(code.name)
        self.code = code
        self.headers = headers
        self.detail = detail
        self.more = more or {}

    @property
    def text(self) -> Message:
        """Return the most specific text for people."""
        return self.detail or Message(self.code.title)


class SettingsError(Exception):
    """The settings can't be used; the text names every variable that is wrong, and no secret."""
