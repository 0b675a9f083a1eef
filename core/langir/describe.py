"""Write descriptions for a LangIR folder: python -m core.langir.describe --data DIR [--by rules|chat|URL]

Goes on where it stopped: images that have a description are left alone.
"""

import argparse
import re
from pathlib import Path
from typing import Any

from tqdm import tqdm

from core import cli
from core.chatting import Local, Server, Talker
from core.errors import InputError
from core.langir.layout import Description, read_langir, write_description
from core.langir.prompts import STYLES, WORD_LIMIT, prompt
from core.langir.rules import describe_mask
from core.lgnet.dataset import read_scene_prompts
from core.thermal import ThermalImage, read_thermal


class Describer:
    """Describes images with a vision-language model and one of three prompt styles."""

    def __init__(
        self, model: Talker, style: str = "system", examples: tuple[tuple[ThermalImage, str], ...] = ()
    ) -> None:
        if style not in STYLES:
            raise InputError(f"'{style}' is no prompt style; choose from {', '.join(STYLES)}.")
        self.model, self.style, self.examples = model, style, examples

    def describe(self, image: ThermalImage) -> Description:
        """One description; with the style "system" cut at the last sentence within its 50 words.

        Raises:
            InputError: the model answered nothing.
        """
        text = " ".join(self.model.ask(prompt(self.style, image, self.examples)).text.split())
        if not text:
            raise InputError(f"{self.model.name} said nothing about {image.name}; try another style or model.")
        return Description(within_limit(text) if self.style == "system" else text, self.model.name, self.style)


def within_limit(text: str, limit: int = WORD_LIMIT) -> str:
    """The whole sentences of a text that fit into `limit` words; the first one is cut where it is longer itself."""
    kept: list[str] = []
    for sentence in re.split(r"(?<=[.!?])\s+", text):
        if len(" ".join([*kept, sentence]).split()) > limit:
            break
        kept.append(sentence)
    return " ".join(kept) or " ".join(text.split()[:limit])


def main(args: argparse.Namespace) -> dict[str, Any]:
    """The command."""
    if args.limit is not None and args.limit < 1:
        raise InputError("--limit must be at least 1.")
    entries = [e for e in read_langir(args.data) if not e.description][: args.limit]
    describer = None
    if args.by == "chat":
        describer = Describer(Local(args.model or "bundled/irgpt"), args.style)
    elif args.by.startswith(("http://", "https://")):
        if not args.model:
            raise InputError("An endpoint serves several models; name one with --model.")
        describer = Describer(Server(args.by, args.model), args.style)
    elif args.by != "rules":
        raise InputError(f'--by is "rules", "chat" or the URL of an endpoint, not {args.by}.')
    scenes = {} if args.no_scene else read_scene_prompts(args.data / "scene_prompts.tsv")
    for entry in tqdm(entries, unit="image", disable=None):
        if describer:
            said = describer.describe(read_thermal(entry.image))
        elif entry.mask is None:
            raise InputError(f"{entry.image.name} has no mask, and rules describe masks; use --by chat or a URL.")
        else:
            said = describe_mask(read_thermal(entry.mask).pixels > 127, scenes.get(entry.id, ""))
        write_description(args.data, entry.id, said)
    print(f"{len(entries)} descriptions written to {args.data / 'descriptions'}")
    return {"written": len(entries), "by": args.by, "style": args.style if describer else "rules"}


def parser() -> argparse.ArgumentParser:
    """Arguments of the command."""
    p = argparse.ArgumentParser(prog="python -m core.langir.describe", description="Describe the images of a folder.")
    p.add_argument("--data", type=Path, required=True, metavar="DIR", help="images/, masks/, trainval.txt, test.txt")
    p.add_argument("--by", default="rules",
                   help='"rules", "chat", or the URL of an OpenAI-compatible endpoint')  # fmt: skip
    p.add_argument("--model", metavar="NAME", help="of the chat model or of the endpoint's model")
    p.add_argument("--style", default="system", choices=STYLES)
    p.add_argument("--no-scene", action="store_true", help="rules without scene prompts: place alone")
    p.add_argument("--limit", type=int, metavar="N", help="stop after N images")
    return p


if __name__ == "__main__":
    cli.run(parser(), main)
