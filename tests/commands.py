"""Run a command of ours in this process, as `python -m MODULE ARGUMENTS` would: no second import of torch."""

import contextlib
import io
import runpy
import sys
import warnings
from dataclasses import dataclass
from unittest.mock import patch


@dataclass(frozen=True)
class Result:
    code: int
    out: str
    err: str


def run_command(module: str, *arguments: object) -> Result:
    """Exit code, stdout and stderr of a command; an exception that it does not handle goes through."""
    out, err, code = io.StringIO(), io.StringIO(), 0
    with (
        patch.object(sys, "argv", [module, *map(str, arguments)]),
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
        warnings.catch_warnings(),
    ):
        warnings.simplefilter("ignore")  # runpy says that the module was imported before
        try:
            runpy.run_module(module, run_name="__main__")
        except SystemExit as stop:
            code = int(stop.code or 0)
    return Result(code, out.getvalue(), err.getvalue())
