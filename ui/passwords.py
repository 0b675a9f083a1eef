"""Names and passwords from a file, for a team's own server: a line a person, `name:salt:hash`, all but the name in hex.

    python -m ui.passwords NAME >> passwords.txt
    STUDIO_PASSWORDS=passwords.txt STUDIO_OWNERS=NAME python app.py

The server itself stays on this machine's loopback; a web server with TLS in front of it passes the Host header on.
"""

import argparse
import getpass
import hashlib
import hmac
import re
import secrets
import sys
from pathlib import Path

from core import cli
from core.errors import InputError

NAME = re.compile(r"[\w.@-]{1,100}")
SHORTEST = 10  # characters of a password
COST = {"n": 2**14, "r": 8, "p": 1}  # scrypt's; RFC 7914


def line_for(name: str, password: str) -> str:
    """A line of the file. Raises InputError for a name or password that can't be used."""
    if not NAME.fullmatch(name):
        raise InputError("a name has letters, digits, dots, dashes, underscores and @ only, 100 at most")
    if len(password) < SHORTEST:
        raise InputError(f"a password has {SHORTEST} characters or more: choose a longer one")
    salt = secrets.token_bytes(16)
    return f"{name}:{salt.hex()}:{_hash(password, salt).hex()}"


class Passwords:
    """The people of a file, read once."""

    def __init__(self, path: Path):
        self._people: dict[str, tuple[bytes, bytes]] = {}
        try:
            lines = path.read_text(encoding="utf-8").split()
            for line in lines:
                name, salt, known = line.split(":")
                self._people[name] = bytes.fromhex(salt), bytes.fromhex(known)
        except (OSError, ValueError):
            raise InputError(f"{path} is no file of passwords: write its lines with python -m ui.passwords") from None

    def __call__(self, name: str, password: str) -> bool:
        """Whether this is a person's password; as slow for strangers as for people it knows."""
        salt, known = self._people.get(name, (b"", b""))
        return hmac.compare_digest(_hash(password, salt), known)


def _hash(password: str, salt: bytes) -> bytes:
    return hashlib.scrypt(password.encode(), salt=salt, **COST)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m ui.passwords", description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("name", help="of the person")

    def command(args: argparse.Namespace) -> dict[str, str]:
        line = line_for(args.name, getpass.getpass() if sys.stdin.isatty() else sys.stdin.readline().strip())
        print(line)
        return {"line": line}

    cli.run(parser, command)


if __name__ == "__main__":
    main()
