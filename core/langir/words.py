"""How often descriptions name a place (Table 1): python -m core.langir.words --data DIR"""

import argparse
import re
from collections import Counter
from pathlib import Path
from typing import Any

from core import cli
from core.errors import InputError
from core.langir.layout import SPLITS, read_langir

PLACES = ("left", "right", "center", "lower", "upper")


def place_counts(texts: list[str]) -> dict[str, int]:
    """Occurrences of the five words of Table 1, whole words in any case; "centre" counts as "center"."""
    words = Counter(w for text in texts for w in re.findall(r"[a-z]+", text.lower().replace("centre", "center")))
    return {place: words[place] for place in PLACES}


def main(args: argparse.Namespace) -> dict[str, Any]:
    """The command."""
    entries = list(read_langir(args.data))
    if not any(entry.description for entry in entries):
        raise InputError(f"{args.data} has no descriptions yet; write them with python -m core.langir.describe.")
    counts = {split: place_counts([e.description for e in entries if e.split == split]) for split in SPLITS}
    print("split      " + "".join(f"{place:>8}" for place in PLACES))
    for split, row in counts.items():
        print(f"{split:<11}" + "".join(f"{n:>8}" for n in row.values()))
    return counts


def parser() -> argparse.ArgumentParser:
    """Arguments of the command."""
    p = argparse.ArgumentParser(prog="python -m core.langir.words", description="Count the words of Table 1.")
    p.add_argument("--data", type=Path, required=True, metavar="DIR")
    return p


if __name__ == "__main__":
    cli.run(parser(), main)
