"""The one exception that people, not programmers, are meant to read."""


class InputError(ValueError):
    """Bad input: one sentence that says what is wrong and what to do next. Commands exit with 2, tabs show it."""
