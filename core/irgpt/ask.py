"""Ask a question about one infrared image."""

import argparse
from dataclasses import asdict
from pathlib import Path
from typing import Any

from core import cli
from core.irgpt.answers import parse_answer
from core.thermal import read_thermal


def ask(args: argparse.Namespace) -> dict[str, Any]:
    """Stream the answer to stdout; returns answer, boxes and points (pixels), count."""
    image = read_thermal(args.image)  # before the model: a bad file shall not cost its loading time
    from core.irgpt.predictor import IRGPT

    session = IRGPT.from_weights(args.model, None if args.bf16 else "nf4").session(image)
    pieces = []
    for piece in session.ask(args.question, args.max_tokens):
        print(piece, end="", flush=True)
        pieces.append(piece)
    print()
    found = asdict(parse_answer("".join(pieces), image.width, image.height))
    return {"answer": found.pop("text"), **found}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m core.irgpt.ask", description=__doc__)
    parser.add_argument("image", type=Path)
    parser.add_argument("question")
    parser.add_argument("--model", default="bundled/irgpt", help="bundled/irgpt, a local folder, or a Hub id")
    parser.add_argument("--bf16", action="store_true", help="bfloat16 instead of 4-bit NF4")
    parser.add_argument("--max-tokens", type=int, default=128)
    cli.run(parser, ask)


if __name__ == "__main__":
    main()
