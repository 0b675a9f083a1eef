"""Original image files by the sha256 of their bytes. No user-given name ever becomes a path."""

import hashlib
import os
import tempfile
from pathlib import Path

from core.errors import InputError


class ImageStore:
    """A folder of files `ab/abcdef...`; writing the same bytes twice is one file."""

    def __init__(self, folder: Path):
        self.folder = folder

    def put(self, data: bytes) -> str:
        """Keep these bytes, on the disk before this returns. Returns their sha256."""
        sha256 = hashlib.sha256(data).hexdigest()
        path = self._path(sha256)
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=".new-")
            with os.fdopen(descriptor, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            os.replace(temporary, path)
        return sha256

    def get(self, sha256: str) -> bytes:
        """The bytes, checked against their hash. Raises InputError if they are gone or damaged."""
        try:
            data = self._path(sha256).read_bytes()
        except FileNotFoundError:
            raise InputError(f"image {sha256[:12]} is missing from the image store: restore its folder") from None
        if hashlib.sha256(data).hexdigest() != sha256:
            raise InputError(f"image {sha256[:12]} in the image store is damaged: restore it from a backup")
        return data

    def _path(self, sha256: str) -> Path:
        return self.folder / sha256[:2] / sha256
