"""The 63 source data sets of IR-TD (WheatCao/ICCV2025-IRGPT, docs/source_datasets.md), and which of them we read.

`python -m core.data.sources` prints the list. Indices 5, 15, 25 and 26 are absent from the published one.
"""

import argparse
from dataclasses import dataclass
from typing import Any

from core.cli import run


@dataclass(frozen=True)
class SourceDataset:
    """One row. `images` as published; `name` is None where the published list has no such index."""

    index: int
    name: str | None
    images: int | None = None
    reader: str | None = None  # a folder of core.data.readers.READERS or a format of FORMATS; None = no reader of ours
    note: str = ""


_PUBLISHED = (
    (1, "LLVIP", 15_500, "pairs"), (2, "KAIST", 95_300, None), (3, "M3FD", 8_400, "voc"), (4, "VEDAI", 1_200, "pairs"),
    (6, "LSOTB-TIR", 643_000, None), (7, "RGBT234", 234_000, None), (8, "LasHeR", 734_800, None),
    (9, "VTUAV", 1_700_000, None), (10, "MFNet", 1_600, None), (11, "IRSTD-1k", 1_000, "langir_irstd1k_few"),
    (12, "SIRST-AUG", 8_500, "masks"), (13, "BU-TIV", 60_000, None), (14, "VisDrone-DroneVehicle", 28_400, None),
    (16, "MassMIND", 2_900, None), (17, "ISDD", 1_300, None), (18, "CDFAG", 88_000, None),
    (19, "WideIRSTD", 9_000, None), (20, "DMIST", 9_000, None), (21, "JU-VNT", 2_600, None), (22, "POP", 7_800, None),
    (23, "RGBTCrowdCounting", 2_000, None), (24, "VT5000", 5_000, None), (27, "Industry", 400, None),
    (28, "VT1000", 1_000, None), (29, "VT821", 821, None), (30, "UVT2000", 2_000, None),
    (31, "FLIR", 10_000, "flir-adas"), (51, "RGBNIR", 1_000, None), (52, "UAV_RGB-T_2400", 2_400, None),
    (53, "LLCM", 65_800, None), (54, "RegDB", 9_000, None), (55, "SYSU-MM01", 47_000, None),
    (56, "ThermalWorld", 8_100, None), (57, "solar_cell_EL_image", 36_500, None), (58, "sirst_aug", 18_100, "masks"),
    (59, "tirsequences", 30_000, None), (60, "DroneRGBT", 7_000, None), (61, "UVT20K", 20_000, None),
    (62, "time-sensitive", 21_800, None), (63, "FLIR_ADAS", 66_800, "flir-adas"),
)  # fmt: skip
_WEB = range(32, 51)


def source_datasets() -> tuple[SourceDataset, ...]:
    """All 63 indices in order, the missing ones included."""
    known = {index: SourceDataset(index, name, images, reader) for index, name, images, reader in _PUBLISHED}
    web = {index: SourceDataset(index, "Web Data", note="indices 32-50 hold 66,000 images together") for index in _WEB}
    absent = "absent from the published list"
    return tuple({**known, **web}.get(index) or SourceDataset(index, None, note=absent) for index in range(1, 64))


def command(args: argparse.Namespace) -> dict[str, Any]:
    rows = source_datasets()
    for row in rows:
        size = f"{row.images:,}" if row.images else ""
        print(f"{row.index:3} {row.name or '(missing)':24} {size:>10}  {row.reader or ''} {row.note}".rstrip())
    return {"source_datasets": [vars(row) for row in rows]}


def main() -> None:
    run(argparse.ArgumentParser(prog="python -m core.data.sources", description=__doc__), command)


if __name__ == "__main__":
    main()
