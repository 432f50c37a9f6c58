"""What services say when they refuse, in the words of `FerryError`.

Services name a refusal by a code in the body of the answer; the status alone does not tell a
wrong key from a missing right. Codes are those of S3 and its lookalikes, Azure Blob and GCS.
"""

import re

from lakeferry.errors import FerryError

CREDENTIALS = {
    "AuthenticationFailed",
    "AuthorizationHeaderMalformed",
    "ExpiredToken",
    "ExpiredTokenException",
    "InvalidAccessKeyId",
    "InvalidAuthenticationInfo",
    "InvalidClientTokenId",
    "InvalidToken",
    "NoAuthenticationInformation",
    "RequestTimeTooSkewed",
    "SignatureDoesNotMatch",
    "TokenRefreshRequired",
    "UnrecognizedClientException",
    "XAdminUserNotFound",  # versitygw, with status 404
}
RIGHTS = {
    "AccessDenied",
    "AllAccessDisabled",
    "AuthorizationFailure",
    "AuthorizationPermissionMismatch",
    "AuthorizationProtocolMismatch",
    "AuthorizationSourceIPMismatch",
    "InsufficientAccountPermissions",
    "PublicAccessNotPermitted",
}
NO_PLACE = {"ContainerBeingDeleted", "ContainerNotFound", "FilesystemNotFound", "NoSuchBucket"}
BAD_NAME = {
    "ExistingObjectIsDirectory",  # versitygw over a folder
    "InvalidObjectName",
    "InvalidResourceName",
    "InvalidUri",
    "KeyTooLongError",
    "ObjectParentIsFile",  # versitygw over a folder
}
FULL = {"QuotaExceeded", "XMinioAdminBucketQuotaExceeded", "XMinioStorageFull"}
ARCHIVED = {"BlobArchived", "BlobBeingRehydrated", "InvalidObjectState"}
EXISTS = {"BlobAlreadyExists", "ConditionNotMet", "PreconditionFailed"}
_BY_CODE = {
    **dict.fromkeys(CREDENTIALS, "LF-1001"),
    **dict.fromkeys(RIGHTS, "LF-1002"),
    **dict.fromkeys(NO_PLACE, "LF-2101"),
    **dict.fromkeys(BAD_NAME, "LF-3107"),
    **dict.fromkeys(FULL, "LF-5101"),
    **dict.fromkeys(ARCHIVED, "LF-4112"),
}
_BY_STATUS = {401: "LF-1001", 403: "LF-1002", 507: "LF-5101"}
_CODE = re.compile(r"<Code>([\w.]+)</Code>")
_STATUS = re.compile(r"status code: (\d{3})|status: (\d{3})|Got HTTP code (\d{3})")
_UNREACHABLE = re.compile(
    r"error sending request|dns error|connection refused|timed out|kind: (Connect|Timeout)"
    r"|could not connect|failed to (resolve|establish)|name resolution|cannot connect|unreachable",
    re.IGNORECASE,
)
# S3 hands on what KMS says of a key: `KMS.DisabledException`, "... perform: kms:Decrypt on ...".
_KMS = re.compile(r"\bKMS\.\w|\bkms:[A-Z]")
# obstore's words where the SDK that it asks for an identity finds none, or may not have it.
_NO_IDENTITY = re.compile(r"External \w+ credential provider|lacked valid authentication")
_SIGNATURE = re.compile(
    r"([?&;](?:sig|X-Amz-Signature|X-Amz-Security-Token|X-Goog-Signature)=)[^&\s\"'<>]+",
    re.IGNORECASE,
)
_NEXT = {
    "LF-1001": "check which identity is used and that it has not expired; see "
    "docs/reference/stores.md for all options",
    "LF-1002": "grant the right on this path, or use another identity; `lakeferry doctor` "
    "tries each right",
    "LF-1003": "check the address, the endpoint and the network, then run the same command again",
    "LF-1004": "run the same command again; if it stays so, ask those who run the service",
    "LF-2101": "check the name and the account; lakeferry makes folders, but no buckets",
    "LF-3107": "choose a store that can hold it, or rewrite the file under another name",
    "LF-4112": "restore it there (S3: RestoreObject, by Batch Operations where there are many; "
    "Azure: set the tier to Hot or Cool), then run the same command again",
    "LF-5101": "free space or raise the quota, then run the same command again",
}
_SENTENCE = {
    "LF-1001": "the store refused the credentials",
    "LF-1002": "the identity may not do this here",
    "LF-1003": "the store cannot be reached",
    "LF-1004": "the store answered what it must not",
    "LF-2101": "no such bucket or container",
    "LF-3107": "the store cannot hold this name",
    "LF-4112": "the file lies in an archive",
    "LF-5101": "the store has no room",
}


def error_code(message: str) -> str | None:
    """The service's own code inside an error message that carries the XML answer."""
    found = _CODE.search(message)
    return found[1] if found else None


def error_status(message: str) -> int | None:
    found = _STATUS.search(message)
    return int(next(group for group in found.groups() if group)) if found else None


def classify(*, code: str | None, status: int | None, message: str) -> str:
    """The LF code of a refusal. What nobody can tell apart further is LF-1004."""
    if code == "AuthorizationFailure" and "failed to authenticate" in message:
        return "LF-1001"  # Azurite says so of a wrong key; Azure itself, of a forbidden network
    if code in _BY_CODE:
        return _BY_CODE[code]
    if code is not None and _KMS.match(code):
        return "LF-1002"
    if status is not None:
        return _BY_STATUS.get(status, "LF-1004")
    if _NO_IDENTITY.search(message):
        return "LF-1001"
    return "LF-1003" if _UNREACHABLE.search(message) else "LF-1004"


def refusal(
    where: str, *, code: str | None = None, status: int | None = None, message: str = ""
) -> FerryError:
    """A `FerryError` for a request that failed at `where`."""
    lf = classify(code=code, status=status, message=message)
    facts = [f"HTTP {status}" if status else "", code or "", "" if code else _gist(message)]
    error = refusal_as(lf, where, ", ".join(fact for fact in facts if fact))
    if code == "RequestTimeTooSkewed":
        error.next_step = "set this machine's clock: the service compares it with its own"
    if lf == "LF-1002" and _KMS.search(f"{code} {message}"):
        error.next_step = (
            "the key of KMS must be enabled, lie in the bucket's Region, and grant this identity "
            "kms:GenerateDataKey and kms:Decrypt (kms:Decrypt alone to read)"
        )
    return error


def refusal_as(code: str, where: str, said: str) -> FerryError:
    """A `FerryError` of a known LF code; `said`: the service's own words, one line."""
    what = f"{_SENTENCE[code]}: {said}" if said else _SENTENCE[code]
    return FerryError(code, what, f"at {where}", _NEXT[code])


def _gist(message: str) -> str:
    """One line of a library's message: its last clause, without the Rust dump behind it.

    A proxy may answer with the address that was asked for, and with it what signs the request.
    """
    message = _SIGNATURE.sub(r"\1…", message)
    first = message.partition("\n")[0].partition("Debug source")[0].strip()
    return first if len(first) <= 300 else f"{first[:140]} … {first[-140:]}"
