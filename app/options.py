"""Options that several commands share, so that they read and behave alike."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from hadir.core.settings import Settings, load_settings

__all__ = ["DEFAULTS", "Config", "Json", "LedgerUrl", "Pack", "settings_of", "wrong_use"]

DEFAULTS = Path(__file__).with_name("default.toml")

Json = Annotated[bool, typer.Option("--json", help="One JSON document on standard output, for machines.")]
Config = Annotated[
    Path | None, typer.Option("--config", metavar="FILE", help="A TOML file over the defaults (app/default.toml).")
]
Pack = Annotated[
    str | None,
    typer.Option(
        "--pack", metavar="NAME|FOLDER", help="Face pack: 'open', a stored one, a folder. Default: settings'."
    ),
]
LedgerUrl = Annotated[
    str | None,
    typer.Option("--ledger", metavar="URL", help="sqlite:///FILE or postgresql+psycopg://... Default: the settings'."),
]


def wrong_use(message: str) -> typer.BadParameter:
    """Options that do not go together or mean nothing: exit code 2."""
    return typer.BadParameter(message)


def settings_of(config: Path | None) -> Settings:
    """Defaults, then `config`, then the environment."""
    return load_settings(DEFAULTS, config)
