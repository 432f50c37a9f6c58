"""What a target was written since the switch, carried back to its source: a clone the other way.

This alone of all lakeferry does writes to a source, and only where it was asked for by its name.
"""

from lakeferry.clone.job import clone_table
from lakeferry.clone.record import MIRROR, CloneRecord, head_facts, put_record
from lakeferry.clone.report import CloneReport, CloneRequest
from lakeferry.clone.target import newest_record
from lakeferry.delta.log import head_version, list_log
from lakeferry.fleet.manifest.facts import parts_of
from lakeferry.fleet.manifest.wanted import Migration
from lakeferry.fleet.rollback.plan import Back, may_reverse
from lakeferry.store.open import open_store, same_place


def check_reverse(wanted: Migration, back: Back) -> None:
    """LF-8079 where the source has commits of its own; what we carried back before is none."""
    options = wanted.sources[back.row.source].store_options
    store = open_store(back.row.source_url, options)
    listing = list_log(store)
    head = head_version(listing)
    record = newest_record(store, listing)
    ours = wanted.target.store_options
    is_ours = (
        record is not None
        and (record.mode == MIRROR or record.target_version == head)
        and same_place(record.source, back.row.target_url, a_options=ours, b_options=ours)
    )
    may_reverse(back, head, is_ours=is_ours)


def carry_back(wanted: Migration, back: Back) -> CloneReport:
    """Make the source what the target is; the report of the clone.

    A mirror gets the target's own commits, under their versions. A snapshot gets one commit, and
    then the target is bound to it, so that a later sync goes on from there.

    Raises:
        FerryError: as `clone`.
    """
    of = wanted.sources[back.row.source]
    theirs = of.store_options
    ours = wanted.store_options(of.options_of(*parts_of(back.row), back.row.path))
    source, target = back.row.source_url, back.row.target_url
    if back.is_mirror:
        _bind_mirror(wanted, back)
        mirror = CloneRequest(target, source, mode="mirror", source_options=ours,
                              target_options=theirs)  # fmt: skip
        return clone_table(mirror)
    there = CloneRequest(target, source, replace=True, source_options=ours, target_options=theirs)
    clone_table(there)
    bound = CloneRequest(source, target, replace=True, source_options=theirs, target_options=ours)
    return clone_table(bound)


def _bind_mirror(wanted: Migration, back: Back) -> None:
    """A record beside the source's log that it mirrors the target so far: the logs are equal."""
    store = open_store(back.row.source_url, wanted.sources[back.row.source].store_options)
    target = open_store(back.row.target_url, wanted.target.store_options)
    listing = list_log(store)
    if newest_record(store, listing) is not None:
        return
    there = list_log(target).commits.get(back.target_version)
    put_record(
        store,
        CloneRecord(
            source=target.url,
            source_id=str(back.body["target_id"]),
            source_version=back.target_version,
            source_head=head_facts(None if there is None else there.meta),
            target_version=back.source_version,
            txn_id=MIRROR,
            mode=MIRROR,
        ),
        None,
    )
