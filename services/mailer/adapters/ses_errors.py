"""THE TABLE of SES v2: what each error says about a mail that was posted once."""

from __future__ import annotations

from functools import partial
from typing import Final

from services.mailer.ports import Outcome, Refused, Unknown

NOT_VERIFIED: Final = "Email address is not verified"
"""SES's words for a sender (in its sandbox: a recipient) that it does not know, over SMTP too."""
SENDER_NOT_VERIFIED: Final = Refused(
    "sender_not_verified", provider_wide=True, tell=True, of_sender=True
)
_content: Final = partial(Refused, of_content=True)
_NARROWER: Final = ("Signature expired", NOT_VERIFIED)
"""What a message may say that changes what its code means: a row of its own in the table."""

MEANINGS: Final[dict[str, Refused | Unknown]] = {
    # Modelled errors of SendEmail.
    "TooManyRequestsException": Refused("throttled", provider_wide=True),
    "LimitExceededException": Refused("quota", provider_wide=True, tell=True, delay_seconds=900),
    "AccountSuspendedException": Refused("account_suspended", provider_wide=True, tell=True),
    "SendingPausedException": Refused("sending_paused", provider_wide=True, tell=True),
    "MailFromDomainNotVerifiedException": SENDER_NOT_VERIFIED,
    "NotFoundException": Refused("configuration_set_missing", provider_wide=True, tell=True),
    "MessageRejected": _content("message_rejected"),
    f"MessageRejected: {NOT_VERIFIED}": SENDER_NOT_VERIFIED,
    "BadRequestException": _content("bad_request"),
    # Modelled for the service, not for SendEmail; here so that none is a surprise.
    "AlreadyExistsException": Refused("already_exists"),
    "ConflictException": Refused("conflict"),
    "InvalidNextTokenException": _content("bad_request"),
    "ConcurrentModificationException": Unknown("concurrent_modification"),
    "InternalServiceErrorException": Unknown("internal_error"),
    # Common to all of AWS.
    "ThrottlingException": Refused("throttled", provider_wide=True),
    "Throttling": Refused("throttled", provider_wide=True),
    "RequestThrottled": Refused("throttled", provider_wide=True),
    "AccessDeniedException": Refused("access_denied", provider_wide=True, tell=True),
    "AccessDenied": Refused("access_denied", provider_wide=True, tell=True),
    "NotAuthorized": Refused("access_denied", provider_wide=True, tell=True),
    "OptInRequired": Refused("access_denied", provider_wide=True, tell=True),
    "UnrecognizedClientException": Refused("bad_credentials", provider_wide=True, tell=True),
    "InvalidClientTokenId": Refused("bad_credentials", provider_wide=True, tell=True),
    "InvalidAccessKeyId": Refused("bad_credentials", provider_wide=True, tell=True),
    "MissingAuthenticationToken": Refused("bad_credentials", provider_wide=True, tell=True),
    "MissingAuthenticationTokenException": Refused(
        "bad_credentials", provider_wide=True, tell=True
    ),
    "IncompleteSignature": Refused("bad_credentials", provider_wide=True, tell=True),
    "IncompleteSignatureException": Refused("bad_credentials", provider_wide=True, tell=True),
    "ExpiredToken": Refused("credentials_expired", provider_wide=True),
    "ExpiredTokenException": Refused("credentials_expired", provider_wide=True),
    "InvalidSignatureException": Refused("bad_credentials", provider_wide=True, tell=True),
    "InvalidSignatureException: Signature expired": Refused(
        "signature_expired", provider_wide=True
    ),
    "SignatureDoesNotMatch": Refused("signature_refused", provider_wide=True, tell=True),
    "RequestExpired": Refused("signature_expired", provider_wide=True),
    "RequestTimeTooSkewed": Refused("clock_skewed", provider_wide=True, tell=True),
    "ValidationException": _content("bad_request"),
    "ValidationError": _content("bad_request"),
    "MalformedQueryString": _content("bad_request"),
    "SerializationException": _content("bad_request"),
    "RequestEntityTooLarge": _content("too_large"),
    "RequestEntityTooLargeException": _content("too_large"),
    "RequestTimeout": Refused("request_cut_off", provider_wide=True),
    "ServiceUnavailable": Unknown("unavailable"),
    "ServiceUnavailableException": Unknown("unavailable"),
    "InternalFailure": Unknown("internal_error"),
    "InternalServerError": Unknown("internal_error"),
}  # fmt: skip

_STATUSES: Final = {
    401: Refused("bad_credentials", provider_wide=True, tell=True),
    403: Refused("access_denied", provider_wide=True, tell=True),
    407: Refused("proxy_refused", provider_wide=True, tell=True),
    408: Refused("request_cut_off", provider_wide=True),
    413: _content("too_large"),
    429: Refused("throttled", provider_wide=True),
}
"""An error without a code we know, most often from a proxy in between."""

_NEVER_CONNECTED: Final = Refused("not_connected", provider_wide=True)
_NOT_SIGNED: Final = Refused("no_credentials", provider_wide=True, tell=True)
_NOT_SENT: Final = _content("not_a_request")


def meaning(error: Exception) -> Outcome:
    """Definite only where the provider said no, or never saw the last byte."""
    from botocore.exceptions import (
        ClientError,
        ConnectTimeoutError,
        CredentialRetrievalError,
        NoCredentialsError,
        ParamValidationError,
        PartialCredentialsError,
        ProxyConnectionError,
        TokenRetrievalError,
    )

    match error:
        case ClientError():
            return _answered(error.response)
        case ConnectTimeoutError() | ProxyConnectionError():
            return _NEVER_CONNECTED
        case (
            NoCredentialsError()
            | PartialCredentialsError()
            | CredentialRetrievalError()
            | TokenRetrievalError()
        ):
            return _NOT_SIGNED
        case ParamValidationError():
            return _NOT_SENT
        case _:
            return _NEVER_CONNECTED if _never_connected(error) else Unknown(type(error).__name__)


def _answered(response: dict[str, dict[str, object]]) -> Outcome:
    error = response.get("Error", {})
    code = str(error.get("Code", ""))
    message = str(error.get("Message", ""))
    for said in _NARROWER:
        if said in message and f"{code}: {said}" in MEANINGS:
            code = f"{code}: {said}"
    status = response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    if found := MEANINGS.get(code):
        return found
    if not isinstance(status, int) or not 400 <= status < 500:  # noqa: PLR2004 - HTTP's client errors
        return Unknown(f"http_{status}")
    return _STATUSES.get(status, _content(f"http_{status}"))


def _never_connected(error: Exception) -> bool:
    """EndpointConnectionError also stands for a connection that was reset after the last byte;
    only aiohttp's own error below it tells the two apart.
    """
    import aiohttp

    cause = getattr(error, "kwargs", {}).get("error")
    return isinstance(cause, aiohttp.ClientConnectorError)
