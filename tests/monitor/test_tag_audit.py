"""Each bearer is held to the tags that it shall bear, key and value exactly."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lakeferry.errors import FerryError
from lakeferry.monitor.tags.audit import WORDS, TagAudit, audit, checked_tags
from lakeferry.network.tag_bearers import DATABRICKS_OWN, MOST_OF_DATABRICKS, Bearer

MAP = {"map-migrated": "migABCDE12345"}
OTHER = "migZZZZZ99999"


def of(*bearers: Bearer, allow: tuple[str, ...] = ()) -> TagAudit:
    return audit(bearers, MAP, allow=allow)


def instance(id: str = "i-1", **tags: str) -> Bearer:
    return Bearer("instance", id, "", {key.replace("_", "-"): value for key, value in tags.items()})


def test_what_bears_the_tag_is_right_and_what_does_not_lacks_it() -> None:
    found = of(instance("i-1", map_migrated="migABCDE12345"), instance("i-2"))

    assert [one.id for one in found.right] == ["i-1"]
    assert [one.bearer.id for one in found.wrong] == ["i-2"]
    assert found.wrong[0].put == MAP
    assert found.wrong[0].faults[0].said == "map-migrated is missing"


def test_the_same_key_in_other_letters_is_another_key() -> None:
    (one,) = of(Bearer("instance", "i-1", "", {"Map-Migrated": "migABCDE12345"})).wrong

    assert one.faults[0].said == "map-migrated is spelt `Map-Migrated`, which is another key"
    assert one.put == MAP


def test_nobodys_value_is_written_over_without_the_word() -> None:
    (left,) = of(instance(map_migrated=OTHER)).wrong
    (taken,) = of(instance(map_migrated=OTHER), allow=("overwrite",)).wrong

    assert (left.put, left.asks) == ({}, ("overwrite",))
    assert left.faults[0].said == f"map-migrated is `{OTHER}`"
    assert (taken.put, taken.asks) == (MAP, ())


def test_of_two_tags_the_missing_one_is_put_though_the_other_asks_for_a_word() -> None:
    wanted = {**MAP, "owner": "data"}

    (one,) = audit([instance(owner="finance")], wanted).wrong

    assert one.put == MAP
    assert one.asks == ("overwrite",)
    assert not one.is_mended_by


def test_a_tag_that_does_not_reach_what_is_launched_is_put_again() -> None:
    group = Bearer("auto_scaling_group", "g", "g", {}, idle=MAP)

    (one,) = of(group).wrong

    assert one.faults[0].said == "map-migrated does not reach what is launched"
    assert one.put == MAP


def test_what_restarts_is_left_until_the_word_is_given() -> None:
    cluster = Bearer("databricks_cluster", "c", "", {}, asks="restart", where="https://w")

    (left,) = of(cluster).wrong
    (taken,) = of(cluster, allow=("restart",)).wrong

    assert (left.put, left.asks) == ({}, ("restart",))
    assert taken.put == MAP


def test_keys_that_databricks_writes_itself_are_not_put() -> None:
    pool = Bearer("databricks_pool", "p", "", dict(MAP), reserved=DATABRICKS_OWN, where="https://w")

    (one,) = audit([pool], {**MAP, "Vendor": "us"}).wrong

    assert one.faults[0].said == "Vendor is Databricks' own, and its value wins"
    assert (one.put, one.held) == ({}, "the key is Databricks' own")


def test_a_forty_sixth_custom_tag_does_not_fit_in_databricks() -> None:
    tags = {f"t{number}": "x" for number in range(MOST_OF_DATABRICKS)}
    pool = Bearer("databricks_pool", "p", "", tags, most=MOST_OF_DATABRICKS, where="https://w")

    (one,) = of(pool).wrong

    assert one.held == "it has 45 tags, and at most 45 fit"
    assert one.put == {}


def test_aws_does_not_count_map_migrated_among_its_fifty() -> None:
    full = Bearer("instance", "i-1", "", {f"t{number}": "x" for number in range(50)})
    with_owner = audit([full], {"owner": "data"})

    assert of(full).wrong[0].put == MAP
    assert with_owner.wrong[0].held == "it has 50 tags, and at most 50 fit"


def test_what_bears_no_tag_of_its_own_is_apart_and_says_where_it_goes() -> None:
    cluster = Bearer("databricks_cluster", "c", "", dict(MAP), elsewhere="the pool bears it")

    found = of(cluster)

    assert (found.right, found.wrong) == ((), ())
    assert found.elsewhere == (cluster,)


# ---- which tags may be asked for


@pytest.mark.parametrize(
    ("tags", "code", "said"),
    [
        ({}, "LF-6421", "no tag is wanted"),
        ({"Name": "x"}, "LF-6421", "no tag is wanted"),
        ({"aws:owner": "x"}, "LF-6421", "a key of AWS's own"),
        ({"k" * 129: "x"}, "LF-6421", "129 characters"),
        ({"k": "v" * 257}, "LF-6421", "257"),
        ({"Map-Migrated": "mig12345"}, "LF-6421", "another key than `map-migrated`"),
        ({"map_migrated": "mig12345"}, "LF-6421", "another key than `map-migrated`"),
        ({"map-migrate": "mig12345"}, "LF-6421", "another key than `map-migrated`"),
        ({"map-migrated": "mig1234"}, "LF-6610", "`mig1234` is no value"),
        ({"map-migrated": "d-server-0abc"}, "LF-6610", "only older agreements"),
    ],
)
def test_tags_that_cannot_be_asked_for_are_refused(
    tags: dict[str, str], code: str, said: str
) -> None:
    with pytest.raises(FerryError) as refused:
        checked_tags(tags)

    assert (refused.value.code, refused.value.exit_code) == (code, 2)
    assert said in refused.value.what


@pytest.mark.parametrize(
    ("value", "near"),
    [
        ("MIG12345", "mig12345"),
        ("migabcde12345", "migABCDE12345"),
        ("mig-ABCDE12345", "migABCDE12345"),
        ("Mig EC2 12345", "mig_ec2_12345"),
        ("sap 12345", "sap12345"),
    ],
)
def test_the_nearest_value_is_offered(value: str, near: str) -> None:
    with pytest.raises(FerryError) as refused:
        checked_tags({"map-migrated": value})

    assert f"nearest: `{near}`" in refused.value.next_step


def test_older_agreements_take_ids_of_servers() -> None:
    assert checked_tags({"map-migrated": "d-server-0abc"}, "legacy")


# ---- for all


KEYS = st.sampled_from(["map-migrated", "Map-Migrated", "owner", "aws:x", "team"])
TAGS = st.dictionaries(KEYS, st.sampled_from(["migABCDE12345", "data", "x"]), max_size=4)
BEARERS = st.builds(
    Bearer,
    st.just("instance"),
    st.sampled_from(["a", "b", "c"]),
    st.just(""),
    TAGS,
    idle=st.just({}),
    asks=st.sampled_from(["", "restart"]),
)


@given(
    st.lists(BEARERS, max_size=6, unique_by=lambda one: one.id), st.sets(st.sampled_from([*WORDS]))
)
def test_mending_with_every_word_leaves_nothing_and_writes_nothing_else(
    bearers: list[Bearer], allow: set[str]
) -> None:
    wanted = {**MAP, "owner": "data"}
    found = audit(bearers, wanted, allow=allow)

    for one in found.wrong:
        assert one.put.items() <= wanted.items()
        if "overwrite" not in allow:
            assert not one.put.keys() & one.bearer.tags.keys()
    mended = [
        Bearer("instance", one.bearer.id, "", {**one.bearer.tags, **one.put}) for one in found.wrong
    ]
    left = audit([*found.right, *mended], wanted, allow=allow).wrong
    assert {one.bearer.id for one in left} == {
        one.bearer.id for one in found.wrong if not one.is_mended_by
    }
