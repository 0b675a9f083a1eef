"""What every command shares: `--json FILE`, exit code 2 with one line on bad input."""

import argparse
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from core.errors import InputError


def run(parser: argparse.ArgumentParser, command: Callable[[argparse.Namespace], dict[str, Any]]) -> None:
    """Parse the arguments, run the command, write its result where `--json` says.

    `command` prints human-readable text and returns one JSON-able dictionary.
    Exits with 2 and one line on stderr for InputError and for files that can't be read or written.
    """
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the result as one JSON object")
    args = parser.parse_args()
    try:
        result = command(args)
        if args.json:
            args.json.parent.mkdir(parents=True, exist_ok=True)
            args.json.write_text(json.dumps(result, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    except (InputError, OSError) as error:
        print(f"error: {' '.join(str(error).split())}", file=sys.stderr)
        sys.exit(2)
    except KeyboardInterrupt:
        sys.exit(130)
