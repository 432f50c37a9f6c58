import pytest

from lakeferry.delta.actions import Metadata, Protocol
from lakeferry.delta.features import (
    FEATURES,
    READER,
    check_clonable,
    check_readable,
    cloned_configuration,
    cloned_protocol,
    effective_features,
)
from lakeferry.errors import FerryError

URL = "s3://b/t"


def table_features(*names: str) -> Protocol:
    readers = {name for name in names if name not in FEATURES or FEATURES[name].kind == READER}
    return Protocol(3, 7, frozenset(readers), frozenset(names))


def writer_features(*names: str) -> Protocol:
    return Protocol(1, 7, None, frozenset(names))


def metadata(**configuration: str) -> Metadata:
    named = {name.replace("__", "."): value for name, value in configuration.items()}
    return Metadata("id", "{}", (), named)


@pytest.mark.parametrize(
    ("reader", "writer", "implied"),
    [
        (1, 1, set()),
        (1, 2, {"appendOnly", "invariants"}),
        (1, 3, {"appendOnly", "invariants", "checkConstraints"}),
        (2, 5, {"appendOnly", "invariants", "checkConstraints", "changeDataFeed",
                "generatedColumns", "columnMapping"}),
        (1, 6, {"appendOnly", "invariants", "checkConstraints", "changeDataFeed",
                "generatedColumns", "identityColumns"}),
    ],
)  # fmt: skip
def test_legacy_versions_imply_features(reader: int, writer: int, implied: set[str]) -> None:
    assert effective_features(Protocol(reader, writer)) == implied


def test_every_carried_feature_can_be_read_and_cloned() -> None:
    carried = [name for name, feature in FEATURES.items() if feature.action == "carry"]

    assert len(carried) > 20
    check_readable(table_features(*carried), metadata(), URL)
    check_clonable(table_features(*carried), metadata(), URL)
    assert cloned_protocol(table_features(*carried)) == table_features(*carried)


def test_an_unknown_reader_feature_is_refused_by_name() -> None:
    with pytest.raises(FerryError, match="futureFeature-preview") as refused:
        check_readable(table_features("futureFeature-preview"), None, URL)

    assert refused.value.code == "LF-3001"


def test_an_unknown_reader_feature_cannot_be_allowed() -> None:
    with pytest.raises(FerryError, match="LF-3001"):
        check_readable(table_features("future"), None, URL, frozenset({"future"}))


def test_an_unknown_reader_version_is_refused() -> None:
    with pytest.raises(FerryError, match="reader version 99"):
        check_readable(Protocol(99, 7), None, URL)


def test_an_unknown_writer_feature_can_be_read_but_not_cloned_unless_allowed() -> None:
    protocol = writer_features("liquid")
    check_readable(protocol, metadata(), URL)

    with pytest.raises(FerryError, match="liquid") as refused:
        check_clonable(protocol, metadata(), URL)

    assert refused.value.code == "LF-3002"
    assert "--allow-feature liquid" in refused.value.next_step
    check_clonable(protocol, metadata(), URL, frozenset({"liquid"}))


@pytest.mark.parametrize(
    "name", ["catalogManaged", "catalogOwned-preview", "geospatial", "geospatial-dev",
             "adaptiveMetadata-preview", "redirectReaderWriter-preview"]
)  # fmt: skip
def test_a_table_that_its_log_does_not_tell_is_refused_by_name(name: str) -> None:
    with pytest.raises(FerryError, match=name) as refused:
        check_readable(table_features(name), metadata(), URL)

    assert refused.value.code == "LF-3002"


def test_a_redirected_table_is_refused_with_its_new_place() -> None:
    moved = metadata(**{"delta__redirectWriterOnly-preview": "s3://new/home"})

    with pytest.raises(FerryError) as refused:
        check_clonable(writer_features("redirectWriterOnly-preview"), moved, URL)

    assert "s3://new/home" in refused.value.next_step


def test_coordinated_commits_matter_only_where_a_coordinator_is_named() -> None:
    protocol = writer_features("coordinatedCommits-preview")
    named = metadata(**{"delta__coordinatedCommits__commitCoordinator-preview": "dynamodb"})
    check_readable(protocol, metadata(), URL)

    with pytest.raises(FerryError, match="coordinatedCommits-preview"):
        check_readable(protocol, named, URL)


def test_published_commits_of_a_catalog_s_table_can_be_accepted_by_name() -> None:
    managed = table_features("catalogManaged")

    check_readable(managed, metadata(), URL, frozenset({"catalogManaged"}))
    with pytest.raises(FerryError, match="LF-3002"):
        check_readable(managed, metadata(), URL, frozenset({"catalogOwned-preview"}))


def test_a_first_clone_has_the_source_s_protocol_without_its_catalog() -> None:
    legacy = Protocol(2, 5)
    managed = table_features("catalogManaged", "inCommitTimestamp", "deletionVectors")

    assert cloned_protocol(legacy) == legacy
    assert cloned_protocol(managed) == Protocol(
        3, 7, frozenset({"deletionVectors"}), frozenset({"deletionVectors", "inCommitTimestamp"})
    )


def test_an_existing_target_never_loses_a_feature() -> None:
    source, target = writer_features("appendOnly"), table_features("deletionVectors")

    assert cloned_protocol(source, target) == table_features("appendOnly", "deletionVectors")


def test_legacy_protocols_among_themselves_stay_legacy() -> None:
    assert cloned_protocol(Protocol(1, 4), Protocol(2, 5)) == Protocol(2, 5)
    assert cloned_protocol(Protocol(1, 4), Protocol(1, 4)) == Protocol(1, 4)


def test_legacy_versions_become_features_where_they_meet_features() -> None:
    met = cloned_protocol(Protocol(2, 5), table_features("deletionVectors"))

    assert met.reader_features == frozenset({"deletionVectors", "columnMapping"})
    assert set(met.writer_features or ()) == {
        *("appendOnly", "invariants", "checkConstraints", "changeDataFeed", "generatedColumns"),
        *("columnMapping", "deletionVectors"),
    }


def test_reader_version_two_stays_where_no_reader_feature_needs_three() -> None:
    met = cloned_protocol(Protocol(2, 5), writer_features("domainMetadata"))

    assert (met.min_reader_version, met.min_writer_version) == (2, 7)
    assert met.reader_features is None
    assert "columnMapping" in (met.writer_features or ())


def test_properties_that_are_true_only_at_the_source_are_not_carried() -> None:
    configuration = {
        "delta.appendOnly": "true",
        "delta.constraints.c": "a > 0",
        "delta.coordinatedCommits.tableConf-preview": "{}",
        "io.unitycatalog.tableId": "x",
        "delta.requireCheckpointProtectionBeforeVersion": "4",
        "delta.enableInCommitTimestamps": "true",
        "delta.inCommitTimestampEnablementVersion": "7",
        "delta.inCommitTimestampEnablementTimestamp": "8",
    }

    assert cloned_configuration(configuration) == {
        "delta.appendOnly": "true",
        "delta.constraints.c": "a > 0",
        "delta.enableInCommitTimestamps": "true",
    }


def test_an_unknown_writer_version_is_refused() -> None:
    with pytest.raises(FerryError, match="writer version 8"):
        check_clonable(Protocol(1, 8), metadata(), URL)


def test_a_table_whose_files_its_log_does_not_tell_cannot_be_allowed() -> None:
    names = frozenset({"adaptiveMetadata-preview"})

    with pytest.raises(FerryError, match="LF-3002"):
        check_readable(table_features(*names), metadata(), URL, names)
    with pytest.raises(FerryError, match="LF-3002"):
        check_clonable(
            writer_features("redirectWriterOnly-preview"),
            metadata(),
            URL,
            frozenset({"redirectWriterOnly-preview"}),
        )
