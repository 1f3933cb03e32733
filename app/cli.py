"""The command line: one group of commands per file beside this one; errors become a sentence and an exit code."""

from __future__ import annotations

import importlib
import os
import sys
import tempfile
import traceback
from collections.abc import Sequence
from pathlib import Path

import typer
from typer.core import TyperGroup
from typer.exceptions import Abort, TyperException

from hadir.app.output import fail, keep_quiet
from hadir.core.errors import HadirError

__all__ = ["application", "main", "run"]

_EXIT_ERROR, _EXIT_USAGE, _EXIT_INTERRUPTED = 1, 2, 130

_MODULES = (
    "cli_demo",
    "cli_run",
    "cli_send",
    "cli_surge",
    "cli_top",
    "cli_models",
    "cli_enroll",
    "cli_gallery",
    "cli_index",
    "cli_calibrate",
    "cli_reindex",
    "cli_faces",
    "cli_evaluate",
    "cli_explain",
    "cli_ledger",
    "cli_reconcile",
    "cli_dead_letters",
    "cli_doctor",
    "cli_bench",
)


def application() -> typer.Typer:
    """Every command, in the order in which a newcomer meets them."""
    app = typer.Typer(
        name="hadir",
        cls=TyperGroup,
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        help="Hadir decides, for every check-in, whether this person, in person, was at work, at this time.",
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    for name in _MODULES:
        importlib.import_module(f"hadir.app.{name}").register(app)
    return app


def run(arguments: Sequence[str]) -> int:
    """Run one command line and return its exit code: 0 done, 1 error, 2 wrong use, 3 partly done, 4 gate failed."""
    as_json = "--json" in arguments
    keep_quiet()
    try:
        result = typer.main.get_command(application())(args=list(arguments), prog_name="hadir", standalone_mode=False)
        if result == _EXIT_INTERRUPTED:  # what typer makes of Ctrl-C
            raise KeyboardInterrupt
        return result if isinstance(result, int) else 0
    except TyperException as error:
        if message := error.format_message():  # empty where the help was shown instead
            fail("usage", f"{_plain_words(message)} ({_command_of(error)} --help shows what there is)", as_json)
        return _EXIT_USAGE
    except (KeyboardInterrupt, Abort):
        fail("interrupted", "stopped by you; what was written stays, nothing half-done counts", as_json)
        return _EXIT_INTERRUPTED
    except HadirError as error:
        fail(error.code, str(error), as_json)
        return _EXIT_ERROR
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return _EXIT_ERROR
    except OSError as error:
        fail("os", f"{error.filename or 'a file'}: {error.strerror or error}", as_json)
        return _EXIT_ERROR
    except Exception as error:  # noqa: BLE001 - the last door: an operator never sees a stack trace
        fail("internal", f"unexpected {type(error).__name__}; details for the developers in {_keep_trace()}", as_json)
        return _EXIT_ERROR


def main() -> None:
    """The `hadir` program."""
    sys.exit(run(sys.argv[1:]))


def _plain_words(message: str) -> str:
    """Without typer's own words for where a check failed."""
    return message.removeprefix("Invalid value: ").replace("Value error, ", "").rstrip(".")


def _command_of(error: TyperException) -> str:
    context = getattr(error, "ctx", None)
    return str(context.command_path) if context is not None else "hadir"


def _keep_trace() -> Path:
    handle, name = tempfile.mkstemp(prefix="hadir-error-", suffix=".txt")
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(traceback.format_exc())
    return Path(name)
