"""`python -m core.data.describe`: captions of infrared images, told by a chat model that looks at the visible partner.

The global caption is the model's, carried over to the infrared image of the same view; the fine and the IR-aware one
are measured in the infrared image. Started again with the same command it goes on where it stopped.
"""

import argparse
import hashlib
import json
import math
import random
import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from PIL import Image, ImageStat

from core.chatting import Local, Server, Talker, Turn
from core.cli import run
from core.data.captions import captions
from core.data.filters import faults
from core.data.readers import read_all
from core.data.records import Record
from core.errors import InputError
from core.thermal import read_thermal

PROMPT = (
    "Describe this photo in one sentence of at most 35 words. Name the kind of place first, then what stands where, "
    "then the weather or time of day if it shows. Leave out colors, materials, temperatures, lettering, feelings and "
    "whatever you are not sure of. Answer with the sentence only."
)
AGAIN = "Your last sentence can't be used ({}). Write another one without that."
ATTEMPTS = 3
DARK = 60  # mean gray level, 0-255, under which a visible image is lifted before it is described
LIFTED = 110  # the mean gray level it is lifted to
OPENING = re.compile(
    r"^(?:(?:this|the)\s+(?:photo|image|picture|scene)\s+(?:shows|depicts|captures|features)\s+|(?:an?|the)\s+(?:photo"
    r"|image|picture)\s+of\s+)",
    re.IGNORECASE,
)


def prompt_hash(prompt: str = PROMPT) -> str:
    """First 16 hexadecimal digits of the prompt's SHA-256."""
    return hashlib.sha256(prompt.encode()).hexdigest()[:16]


def lifted(picture: Image.Image) -> Image.Image:
    """A dark picture (mean under DARK) with the gamma that brings its mean near LIFTED; any other as it is."""
    mean = ImageStat.Stat(picture.convert("L")).mean[0]
    if mean >= DARK:
        return picture
    gamma = math.log(LIFTED / 255) / math.log(max(mean, 1.0) / 255)
    table = [round(255 * (level / 255) ** gamma) for level in range(256)]
    return picture.point(table * len(picture.getbands()))


def carried(reply: str) -> str:
    """A model's sentence as a global caption: "This photo shows a road." -> "An infrared thermal image of a road."."""
    text = OPENING.sub("", " ".join(reply.replace("*", "").split()).strip("\"' "))
    first, *rest = text.split(" ") or [""]
    first = first.lower() if first[1:].islower() or len(first) == 1 else first
    return f"An infrared thermal image of {' '.join([first, *rest]).rstrip('. ')}."


def describe(record: Record, talker: Talker) -> dict[str, Any]:
    """One row: the caption's JSON, or `rejected` with the reasons, and the tokens spent. InputError: no answer comes.

    A sentence with faults is asked for again, ATTEMPTS times in all; what is not good then is left out.
    """
    route = {"route": "visible partner", "maker": talker.name, "prompt_hash": prompt_hash()}
    row: dict[str, Any] = {"id": record.id, "source": record.source, "tokens_in": 0, "tokens_out": 0}
    try:
        picture, image = _visible(record), read_thermal(record.image)
    except InputError as error:
        return {**row, **route, "rejected": [str(error)]}
    rule = captions(record, image, random.Random(record.id))
    prompt, reasons = PROMPT, [""]
    for _ in range(ATTEMPTS):
        reply = talker.ask([Turn("user", prompt, picture)])
        row["tokens_in"] += reply.tokens_in
        row["tokens_out"] += reply.tokens_out
        told = replace(rule, global_=carried(reply.text), **route)
        reasons = faults(told, image.unit != "counts") if reply.text.strip() else ["no answer"]
        if not reasons:
            return {**told.as_json(), **row}
        prompt = f"{PROMPT} {AGAIN.format('; '.join(reasons))}"
    return {**row, **route, "rejected": reasons}


def _visible(record: Record) -> Image.Image:
    assert record.visible is not None
    try:
        with Image.open(record.visible) as opened:
            return lifted(opened.convert("RGB"))
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise InputError(f"'{record.visible.name}' can't be read as an image; replace or remove it.") from error


def finished(files: Iterable[Path], maker: str) -> dict[str, dict[str, Any]]:
    """Rows by id that the same model wrote under the same prompt; a line cut short by an interruption is dropped."""
    rows: dict[str, dict[str, Any]] = {}
    for file in files:
        if file.is_file():
            whole = [row for line in file.read_text(encoding="utf-8").splitlines() if (row := _row(line))]
            file.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in whole), encoding="utf-8")
            rows |= {row["id"]: row for row in whole if (row["maker"], row["prompt_hash"]) == (maker, prompt_hash())}
    return rows


def _row(line: str) -> dict[str, Any] | None:
    try:
        row = json.loads(line)
    except ValueError:
        return None
    return row if isinstance(row, dict) and {"id", "maker", "prompt_hash"} <= row.keys() else None


def write(records: Iterable[Record], talker: Talker, data: Path, out: Path) -> Iterator[dict[str, Any]]:
    """Append a row a record to `out` (rejected ones: .rejected.jsonl) and yield all, those of earlier runs too."""
    refused = out.with_suffix(".rejected.jsonl")
    out.parent.mkdir(parents=True, exist_ok=True)
    done = finished((out, refused), talker.name)
    with out.open("a", encoding="utf-8") as good, refused.open("a", encoding="utf-8") as bad:
        for record in records:
            row = done.get(record.id)
            if row is None:
                row = {"image": record.image.relative_to(data).as_posix(), **describe(record, talker)}
                file = bad if "rejected" in row else good
                file.write(json.dumps(row, ensure_ascii=False) + "\n")
                file.flush()
            yield row


def command(args: argparse.Namespace) -> dict[str, Any]:
    records = [r for r in read_all(args.data) if r.visible and r.registered and args.source in (None, r.source)]
    if not records:
        raise InputError("No record has a visible partner of the same view; check --data and --source.")
    talker = Server(args.url, args.model, args.per_minute) if args.url else Local(args.model)
    total = {"described": 0, "rejected": 0, "tokens_in": 0, "tokens_out": 0}
    for number, row in enumerate(write(records[: args.limit], talker, args.data, args.out), 1):
        total["rejected" if "rejected" in row else "described"] += 1
        total["tokens_in"] += row["tokens_in"]
        total["tokens_out"] += row["tokens_out"]
        text = "; ".join(row["rejected"]) if "rejected" in row else row["caption_global"]
        print(f"{number}/{len(records[: args.limit])} {row['id']}: {text}", flush=True)
    cost = (total["tokens_in"] * args.price_in + total["tokens_out"] * args.price_out) / 1e6
    print(f"{total['described']} described, {total['rejected']} rejected; {total['tokens_in']} tokens read, "
          f"{total['tokens_out']} written; {cost:.4f} at the given prices")  # fmt: skip
    return {**total, "cost": cost, "model": args.model, "prompt_hash": prompt_hash()}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m core.data.describe", description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="the folder that holds the data sets")
    parser.add_argument("--out", type=Path, required=True, metavar="FILE", help="captions in JSON lines")
    parser.add_argument("--model", required=True, help="Hub id, folder, or with --url the server's name for it")
    parser.add_argument("--url", help="an OpenAI-compatible server; its key in OPENAI_API_KEY")
    parser.add_argument("--per-minute", type=float, metavar="N", help="at most N requests a minute")
    parser.add_argument("--source", help="only this data set")
    parser.add_argument("--limit", type=int, metavar="N", help="only the first N images")
    parser.add_argument("--price-in", type=float, default=0.0, metavar="P", help="of a million tokens read")
    parser.add_argument("--price-out", type=float, default=0.0, metavar="P", help="of a million tokens written")
    run(parser, command)


if __name__ == "__main__":
    main()
