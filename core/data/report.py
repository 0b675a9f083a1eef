"""The quality report of a build: what is in it, how long, how varied, how balanced, what stayed out, with pictures."""

import base64
import hashlib
import heapq
import io
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader
from PIL import Image, ImageDraw

from core.data.conversations import Conversation
from core.data.records import Record
from core.errors import InputError
from core.thermal import read_thermal

TEXTS = ("caption_global", "caption_fine", "caption_ir_aware", "caption_inferred", "question", "answer")
CLOSED = ("recognition", "relationship", "security", "scene", "reid", "aerial_counting", "pedestrian_counting")
SAMPLES = 3  # pictures a source
THUMB = 240  # pixels wide
Sample = tuple[str, Record, Mapping[str, str], list[tuple[str, str, str]]]  # order, record, captions, task + Q + A


@dataclass
class Stats:
    """Counts over a build, taken record by record; its size depends on vocabulary and sources, not on records."""

    images: Counter[tuple[str, str]] = field(default_factory=Counter)  # split, source
    tasks: Counter[tuple[str, str, str]] = field(default_factory=Counter)  # split, task, source
    answers: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    lengths: dict[str, Counter[int]] = field(default_factory=lambda: defaultdict(Counter))  # words of a text
    words: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    rejects: Counter[tuple[str, str]] = field(default_factory=Counter)  # source, reason
    examples: dict[tuple[str, str], list[str]] = field(default_factory=lambda: defaultdict(list))
    licences: dict[str, str] = field(default_factory=dict)
    samples: dict[str, list[Sample]] = field(default_factory=lambda: defaultdict(list))
    pairs: int = 0
    cropped: list[float] = field(default_factory=list)  # residuals of cropped pairs, pixels

    def record(self, record: Record, told: Mapping[str, str], asked: Sequence[Conversation]) -> None:
        """A record that stays, its captions ({} = none) and its questions."""
        if not record.published:
            self.images[record.split, record.source] += 1
        if told:
            self.tasks[record.split, "captions", record.source] += 1
        self.licences[record.source] = record.licence
        for name, text in told.items():
            if name in TEXTS and text:
                self._text(name, text)
        turns = [self.question(record.split, record.source, row) for row in asked]
        order = hashlib.sha256(record.id.encode()).hexdigest()
        if told or turns:
            heapq.heappush(self.samples[record.source], (_Last(order), record, told, turns[:4]))  # type: ignore[misc]
            if len(self.samples[record.source]) > SAMPLES:
                heapq.heappop(self.samples[record.source])

    def question(self, split: str, source: str, asked: Conversation) -> tuple[str, str, str]:
        """Count one question; its task, question and answer."""
        question, answer = (turn["value"].removeprefix("<image>").strip() for turn in asked["conversations"])
        task = str(asked["task"])
        self.tasks[split, task, source] += 1
        self._text("question", question)
        self._text("answer", answer)
        if task in CLOSED:
            letters = re.findall(r"\(([A-D])\)", answer)
            self.answers[task][" ".join(letters) or answer[:40]] += 1
        return task, question, answer

    def reject(self, record: Record, reason: str) -> None:
        """A record, or its captions, that stay out."""
        kind = re.sub(r"'[^']*'|\S+\.\w{3,4}\b|\d+", "…", reason)
        key = (record.source, kind[:120])
        self.rejects[key] += 1
        if len(self.examples[key]) < 3:
            self.examples[key].append(f"{record.id}: {reason}"[:200])

    def counts(self) -> dict[str, dict[str, dict[str, int]]]:
        """{split: {"images", "captions" or a task: {source: number}}}."""
        nested: dict[str, dict[str, dict[str, int]]] = {}
        for (split, source), number in sorted(self.images.items()):
            nested.setdefault(split, {}).setdefault("images", {})[source] = number
        for (split, task, source), number in sorted(self.tasks.items()):
            nested.setdefault(split, {}).setdefault(task, {})[source] = number
        return nested

    def _text(self, name: str, text: str) -> None:
        words = re.findall(r"[^\W\d_]+", text.lower())
        self.lengths[name][len(text.split())] += 1
        self.words[name].update(words)


class _Last(str):
    """A text that sorts backwards, so that a heap keeps the smallest ones."""

    def __lt__(self, other: str) -> bool:
        return str.__gt__(self, other)


def summary(lengths: Counter[int]) -> dict[str, float]:
    """Number, least, median, mean and most of a histogram."""
    total, passed, median = sum(lengths.values()), 0, 0
    for value, number in sorted(lengths.items()):
        passed += number
        if passed * 2 >= total:
            median = value
            break
    mean = sum(value * number for value, number in lengths.items()) / total
    return {"n": total, "least": min(lengths), "median": median, "mean": round(mean, 1), "most": max(lengths)}


def thumbnail(record: Record) -> str:
    """A data URL of the image with its boxes; "" when the image can't be read any more."""
    try:
        picture = Image.fromarray(read_thermal(record.image).view8()).convert("RGB")
    except (InputError, OSError):
        return ""
    draw = ImageDraw.Draw(picture)
    for box in record.boxes:
        draw.rectangle(box.xyxy, outline=(255, 160, 0), width=max(1, picture.width // 300))
    return _url(picture)


def _url(picture: Image.Image) -> str:
    small, file = picture.resize((THUMB, max(1, round(picture.height * THUMB / picture.width)))), io.BytesIO()
    small.save(file, "JPEG", quality=80)
    return "data:image/jpeg;base64," + base64.b64encode(file.getvalue()).decode()


def picture_url(path: Path) -> str:
    """A data URL of any picture that the build made."""
    with Image.open(path) as opened:
        return _url(opened.convert("RGB"))


def render(
    stats: Stats, clusters: Iterable[tuple[int, list[Record]]], duplicates: Mapping[str, int],
    made: Sequence[tuple[str, Path]], told: Mapping[str, Any],
) -> str:  # fmt: skip
    """The page. `clusters`: (size, first records) of the largest near-duplicate clusters; `made`: boards and crops."""
    folder = Path(__file__).parent
    page = Environment(loader=FileSystemLoader(folder), autoescape=True, trim_blocks=True, lstrip_blocks=True)
    samples = [
        {"id": r.id, "picture": thumbnail(r), "captions": captions, "turns": turns}
        for source in sorted(stats.samples)
        for _, r, captions, turns in sorted(stats.samples[source], key=lambda sample: sample[1].id)
    ]
    return page.get_template("report.html").render(
        counts=stats.counts(),
        lengths={name: summary(stats.lengths[name]) for name in TEXTS if stats.lengths[name]},
        words={name: (len(own), sum(own.values()), sorted(own.items(), key=lambda item: (-item[1], item[0]))[:25])
               for name in TEXTS if (own := stats.words[name])},
        answers={task: sorted(own.items(), key=lambda item: (-item[1], item[0]))[:12]
                 for task, own in sorted(stats.answers.items())},
        totals={task: sum(own.values()) for task, own in stats.answers.items()},
        rejects=[(source, reason, number, stats.examples[source, reason])
                 for (source, reason), number in sorted(stats.rejects.items())],
        licences=sorted(stats.licences.items()),
        clusters=[(size, [(r.id, thumbnail(r)) for r in records]) for size, records in clusters],
        duplicates=duplicates, samples=samples, made=[(name, picture_url(path)) for name, path in made],
        pairs=stats.pairs, cropped=len(stats.cropped),
        residual=round(sum(stats.cropped) / len(stats.cropped), 2) if stats.cropped else None, told=told,
    )  # fmt: skip
