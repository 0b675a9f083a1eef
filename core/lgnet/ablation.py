"""One table from finished runs: python -m core.lgnet.ablation RUN...

A row is what was trained (architecture, language, descriptor, augmentation); its seeds are averaged. Figures come from
each run's metrics.json (its validation part) and from every NAME.json that core.lgnet.evaluate --json left in the run's
folder. A folder of such figures alone is a method without training, named by its folder. `make ablation` trains,
evaluates and tabulates all rows.
"""

import argparse
import json
from collections import defaultdict
from pathlib import Path
from statistics import fmean, stdev
from typing import Any

from core import cli
from core.errors import InputError
from core.lgnet.builders import BUILDERS
from core.lgnet.complexity import complexity

FIGURES = ("iou", "niou", "pd", "fa")
HEAD = ("architecture", "M", "GMAC at 512", "language", "descriptor", "crops", "seeds", "IoU", "nIoU", "Pd", "Fa, 1e-6")
ROW = ("architecture", "language", "descriptor", "augment")
DEFAULTS = {"architecture": "lgnet", "language": "training", "augment": "ours"}  # of runs older than these switches
UNTRAINED = {"language": "-", "descriptor": "-", "augment": "-", "seed": "-", "best": None}  # of a classical filter


def read_run(folder: Path) -> tuple[dict[str, Any], dict[str, dict[str, float]]]:
    """(metrics.json, {"validation" or the name of an evaluation: its figures}) of one run.

    Raises:
        InputError: the run is not finished, or its files are damaged.
    """
    try:
        contents = {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in sorted(folder.glob("*.json"))}
        figures = {name: content for name, content in contents.items() if "fa_published" in content}
        if "config" not in contents and figures:
            return {"architecture": folder.name, **UNTRAINED}, figures
        metrics = DEFAULTS | contents["metrics"]
        if metrics["descriptor"] == "none":
            metrics["language"] = "-"  # words had no way in
        figures = {"validation": metrics["best"] or {}, **figures}
    except (OSError, ValueError, LookupError, TypeError) as error:
        raise InputError(f"{folder} holds no finished run; train it to its end with core.lgnet.train.") from error
    return metrics, figures


def spread_of(values: list[float]) -> dict[str, float]:
    """Mean, sample standard deviation (0 for one value) and number of values."""
    return {"mean": fmean(values), "sd": stdev(values) if len(values) > 1 else 0.0, "n": len(values)}


def table(folders: list[Path]) -> list[dict[str, Any]]:
    """Rows in the order in which their first run was given."""
    grouped: dict[tuple, list[tuple[dict[str, Any], dict[str, dict[str, float]]]]] = defaultdict(list)
    for folder in folders:
        metrics, figures = read_run(folder)
        grouped[tuple(metrics[name] for name in ROW)].append((metrics, figures))
    rows = []
    for key, runs in grouped.items():
        measured: dict[str, dict[str, dict[str, float]]] = {}
        for name in dict.fromkeys(name for _, figures in runs for name in figures):
            values = {f: [figures[name][f] for _, figures in runs if f in figures.get(name, {})] for f in FIGURES}
            measured[name] = {f: spread_of(v) for f, v in values.items() if v}
        rows.append({**dict(zip(ROW, key, strict=True)), "seeds": [m["seed"] for m, _ in runs], "figures": measured})
    return rows


def markdown(rows: list[dict[str, Any]]) -> str:
    """The table as Markdown: mean ± standard deviation; Fa in millionths of the pixels."""

    def shown(figure: str, value: dict[str, float]) -> str:
        scale, digits = (1e6, 1) if figure == "fa" else (1, 3)
        spread = f" ± {value['sd'] * scale:.{digits}f}" if value["n"] > 1 else ""
        return f"{value['mean'] * scale:.{digits}f}{spread}"

    names = list(dict.fromkeys(name for row in rows for name in row["figures"]))
    lines = []
    for name in names:
        lines += [f"**{name}**", "", f"| {' | '.join(HEAD)} |", "|---" * len(HEAD) + "|"]
        for row in rows:
            measured = row["figures"].get(name, {})
            sizes = ("-", "-")
            if row["architecture"] in BUILDERS:
                parameters, macs = complexity(row["architecture"], 512)
                sizes = (f"{parameters / 1e6:.2f}", f"{macs / 1e9:.1f}")
            cells = [row["architecture"], *sizes, row["language"], row["descriptor"], row["augment"],
                     str(len(row["seeds"]))]  # fmt: skip
            cells += [shown(f, measured[f]) if f in measured else "-" for f in FIGURES]
            lines.append("| " + " | ".join(cells) + " |")
        lines.append("")
    return "\n".join(lines)


def main(args: argparse.Namespace) -> dict[str, Any]:
    """The command."""
    rows = table(args.runs)
    text = markdown(rows)
    print(text)
    if args.out:
        args.out.write_text(text, encoding="utf-8")
    return {"rows": rows}


def parser() -> argparse.ArgumentParser:
    """Arguments of the command."""
    p = argparse.ArgumentParser(prog="python -m core.lgnet.ablation", description="Tabulate finished training runs.")
    p.add_argument(
        "runs", type=Path, nargs="+", metavar="RUN", help="run folders of core.lgnet.train, or folders of evaluations"
    )
    p.add_argument("--out", type=Path, metavar="FILE", help="also write the table as Markdown")
    return p


if __name__ == "__main__":
    cli.run(parser(), main)
