"""Which split a record belongs to: no group and no near-duplicate ever lies in two."""

from dataclasses import dataclass

import numpy as np

from core.data.duplicates import linked, near_pairs

SPLITS = ("train", "val", "test")
TEST = SPLITS.index("test")


@dataclass(frozen=True)
class Splits:
    """One entry a record. `split`: index into SPLITS, -1 = kept out; `of`: the test record that keeps it out, or -1;
    `cluster`: equal for records that are the same picture or nearly, by chains of near-duplicates.
    """

    split: np.ndarray  # int8 (N,)
    of: np.ndarray  # int64 (N,)
    cluster: np.ndarray  # int64 (N,)


def assign(hashes: np.ndarray, groups: np.ndarray, proposed: np.ndarray, official: np.ndarray) -> Splits:
    """Official test records stay; what looks like one or shares its group is kept out of everything else.

    The rest moves as whole clusters of groups and near-duplicates, each to the split of its first record, official ones
    first. `hashes` uint64 perceptual hashes, `groups` uint64 names, `proposed` indices into SPLITS, `official` bool.
    """
    number = len(hashes)
    unique, picture = np.unique(hashes, return_inverse=True)  # records -> different pictures
    first, second = near_pairs(unique)
    split, of = proposed.astype(np.int8), np.full(number, -1, np.int64)
    fixed = official & (proposed == TEST)

    tested = np.full(len(unique), -1, np.int64)  # a picture -> a fixed record that shows it or nearly
    tested[picture[fixed]] = np.flatnonzero(fixed)
    shown = tested.copy()
    for here, there in ((first, second), (second, first)):
        reach = shown[there] >= 0
        tested[here[reach]] = shown[there[reach]]
    names, group = np.unique(groups, return_inverse=True)
    grouped = np.full(len(names), -1, np.int64)
    grouped[group[fixed]] = np.flatnonzero(fixed)
    reason = np.where(tested[picture] >= 0, tested[picture], grouped[group])
    out = ~fixed & (reason >= 0)
    split[out], of[out] = -1, reason[out]

    free = np.flatnonzero(~fixed & ~out)
    pictures, groups_at = number, number + len(unique)  # nodes: records, then pictures, then groups
    here = np.concatenate([free, free, pictures + first])
    there = np.concatenate([pictures + picture[free], groups_at + group[free], pictures + second])
    ends = _free_pictures(len(unique), picture[free])
    keep = np.r_[np.ones(2 * len(free), bool), ends[first] & ends[second]]
    label = linked(groups_at + len(names), here[keep], there[keep])[free]
    order = np.lexsort((free, ~official[free], label))  # within a cluster official ones first, then by position
    _, start, cluster = np.unique(label[order], return_index=True, return_inverse=True)
    split[free[order]] = proposed[free[order][start]][cluster]
    return Splits(split, of, linked(len(unique), first, second)[picture])


def _free_pictures(number: int, pictures: np.ndarray) -> np.ndarray:
    """Which pictures a free record shows: chains must not run through kept-out ones."""
    shown = np.zeros(number, bool)
    shown[pictures] = True
    return shown
