"""Each stage's options, from its defaults, the TOML file and the command line, in that order."""

import reprlib
from pathlib import Path
from typing import Any

from bids_app.stages import MODULES
from pipeline.errors import SpikefocusError
from pipeline.files import read_toml
from pipeline.options import from_values


class ConfigError(SpikefocusError):
    """An option that doesn't exist or has a value that it cannot take."""


def stage_configs(file: Path | None, overrides: dict[str, dict]) -> dict[str, Any]:
    """Build the configuration of every stage.

    Parameters
    ----------
    file : Path or None
        TOML with one table per stage, for example ``[personalize]``.
    overrides : dict of stage to option to value
        From the command line; None means not given.

    Raises
    ------
    ConfigError
        An option does not exist or has a value that it cannot take.
    """
    tables = _read_tables(file) if file else {}
    configs = {}
    for stage, module in MODULES.items():
        given = {k: v for k, v in overrides.get(stage, {}).items() if v is not None}
        try:
            configs[stage] = from_values(module.Config, {**tables.get(stage, {}), **given})
        except ValueError as error:
            raise ConfigError(f"[{stage}] {error}", file=file, hint="correct the value") from error
    return configs


def _read_tables(file: Path) -> dict[str, dict]:
    try:
        tables = read_toml(file)
    except OSError as error:
        raise ConfigError(
            f"The configuration file cannot be read ({error.strerror})",
            file=file,
            hint="check --config",
        ) from error
    except (ValueError, RecursionError) as error:
        raise ConfigError(
            f"The configuration is not valid TOML: {error}", file=file, hint="repair it"
        ) from error
    for name, table in tables.items():
        if name not in MODULES:
            raise ConfigError(
                f"Unknown table [{name[:80]}]",
                file=file,
                hint=f"the tables are {', '.join(MODULES)}",
            )
        if not isinstance(table, dict):
            raise ConfigError(
                f"{name} is {reprlib.repr(table)}, which is no table",
                file=file,
                hint=f"begin the options of that stage with a line [{name}]",
            )
    return tables
