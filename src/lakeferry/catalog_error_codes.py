"""The codes of errors about catalogs, where tables are known by name: LF-81."""

from lakeferry.error_kinds import ErrorKind

CODES: dict[str, ErrorKind] = {
    "LF-8101": ErrorKind(
        2,
        "the name is taken in the catalog",
        "Under the name that a table shall have, the catalog has a table that lakeferry did not "
        "register, or registered for another source. It is not written over: whoever reads it "
        "would get other rows.",
    ),
    "LF-8102": ErrorKind(
        2,
        "the catalog has this table at another place",
        "lakeferry registered the table before, but at another address than it has now. Readers "
        "would silently see another copy, so this is done only when it is meant.",
    ),
    "LF-8103": ErrorKind(
        3,
        "a registration was changed by somebody else",
        "The catalog's entry is not as lakeferry made it: another place, other columns or another "
        "comment. What somebody changed is not taken away. Nothing was changed.",
    ),
    "LF-8104": ErrorKind(
        1,
        "a right is missing in the catalog",
        "The catalog knows who asks, and refuses. The message names the right that is missing, as "
        "far as the catalog tells it, and the statement that gives it.",
    ),
    "LF-8105": ErrorKind(
        1,
        "the catalog does not answer",
        "No connection could be made, it broke, or what answers speaks another protocol: a "
        "metastore that asks for Kerberos closes connections without it.",
    ),
    "LF-8106": ErrorKind(
        1,
        "the catalog refused a request",
        "The service's own words are in the message. Nothing of that request was done.",
    ),
    "LF-8107": ErrorKind(
        2,
        "the catalog has no such name",
        "The catalog, schema, table or SQL warehouse that the manifest names is not there, or is "
        "not shown to whoever asks.",
    ),
    "LF-8108": ErrorKind(
        1,
        "a SQL warehouse gives no answer",
        "The statement failed in the workspace, was cancelled, or did not end in time.",
    ),
}
