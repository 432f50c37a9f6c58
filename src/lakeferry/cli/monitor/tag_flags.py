"""The flags of `monitor tags`, and the request that they make."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import Parameter

from lakeferry.cli.flag_types import Many
from lakeferry.cli.manifest_flags import ManifestFlags, read
from lakeferry.cli.monitor.network_flags import NetworkFlags, extras_of
from lakeferry.cli.units import parse_pairs
from lakeferry.config.overlay import Flag

if TYPE_CHECKING:
    from lakeferry.monitor.tags.run import TagRequest


@Parameter(name="*")
@dataclass(frozen=True)
class TagFlags:
    """Which tags, whose, and what is known of the agreement."""

    put_tag: Annotated[
        Many, Parameter(negative="", help="KEY=VALUE that everything shall bear.")
    ] = None
    workspace: Annotated[
        Many, Parameter(negative="", help="URL of a Databricks workspace that is looked at too.")
    ] = None
    allow: Annotated[
        Many,
        Parameter(negative="", help="What --fix may do beyond: overwrite, restart, template."),
    ] = None
    edition: Annotated[
        Literal["current", "legacy"],
        Parameter(help="Of the MAP agreement; `legacy` takes ids of Migration Hub servers too."),
    ] = "current"
    rate: Annotated[
        str | None, Parameter(help="Credit for what is tagged, as the agreement says: 25%.")
    ] = None
    bill: Annotated[
        Many, Parameter(negative="", help="File, folder or s3:// of a Cost and Usage Report.")
    ] = None
    days: Annotated[int, Parameter(help="That are to come, for what they will lose.")] = 30
    prices: Annotated[
        str | None, Parameter(help="File of prices, before those that come along.")
    ] = None
    included: Annotated[
        Many, Parameter(negative="", help="Pattern of usage types that earn; default: all.")
    ] = None
    excluded: Annotated[
        Many, Parameter(negative="", help="Pattern of usage types that never earn.")
    ] = None

    def request(self, manifest: ManifestFlags, network: NetworkFlags) -> "TagRequest":
        """Raises as `manifest_flags.read` and `monitor.tags.choices.tag_request`."""
        from lakeferry.monitor.tags.choices import TagExtras, tag_request

        found = read(manifest, [*network.flags(), *self._flags()], network.instead())
        chosen = TagExtras(
            workspaces=tuple(self.workspace or ()),
            allow=tuple(self.allow or ()),
            edition=self.edition,
            rate=self.rate,
            bill=tuple(self.bill or ()),
            days=self.days,
            prices=self.prices,
            included=tuple(self.included or ()),
            excluded=tuple(self.excluded or ()),
        )
        return tag_request(found.manifest, extras_of(network), chosen)

    def _flags(self) -> Iterator[Flag]:
        if self.put_tag:
            yield Flag("--put-tag", ("tags",), parse_pairs(self.put_tag, "--put-tag"))


NO_TAGS_CHOSEN = TagFlags()
