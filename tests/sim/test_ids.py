"""Seeded chance: the same seed gives the same ids, everywhere."""

import copy
import re

from k8snb.sim.ids import SUFFIX_ALPHABET, Ids


def test_the_same_seed_gives_the_same_ids() -> None:
    one, two = Ids(7), Ids(7)

    assert [one.uid(), one.suffix(), one.number(10)] == [two.uid(), two.suffix(), two.number(10)]


def test_other_seeds_give_other_ids() -> None:
    assert len({Ids(seed).uid() for seed in range(1000)}) == 1000


def test_known_values_never_change() -> None:
    ids = Ids(0)

    assert (ids.bits(), ids.suffix()) == (7960286522194355700, "nwcwd")


def test_a_uid_is_a_random_uuid() -> None:
    ids = Ids(1)

    for _ in range(100):
        assert re.fullmatch(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}", ids.uid())


def test_a_suffix_has_the_alphabet_of_generated_names() -> None:
    ids = Ids(2)

    assert all(set(ids.suffix(10)) <= set(SUFFIX_ALPHABET) for _ in range(100))


def test_a_copy_goes_on_like_its_origin() -> None:
    ids = Ids(3)
    ids.uid()
    other = copy.deepcopy(ids)

    assert ids.uid() == other.uid()


def test_numbers_cover_their_range() -> None:
    ids = Ids(4)

    assert {ids.number(3) for _ in range(100)} == {0, 1, 2}
    assert all(0.0 <= ids.fraction() < 1.0 for _ in range(100))
    assert {ids.choice("ab") for _ in range(50)} == {"a", "b"}
