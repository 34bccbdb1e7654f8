"""Each stage's options, from its defaults, the TOML file and the command line, in that order."""

import dataclasses
import tomllib
from pathlib import Path

from bids_app.stages import MODULES
from pipeline.errors import SpikefocusError


class ConfigError(SpikefocusError):
    """An option that doesn't exist or has a value that it cannot take."""


def stage_configs(file: Path | None, overrides: dict[str, dict]) -> dict[str, object]:
    """Build the configuration of every stage.

    Parameters
    ----------
    file : Path or None
        TOML with one table per stage, for example ``[personalize]``.
    overrides : dict of stage to option to value
        From the command line; None means not given.
    """
    tables = _read_toml(file) if file else {}
    unknown = set(tables) - set(MODULES)
    if unknown:
        raise ConfigError(
            f"Unknown table [{sorted(unknown)[0]}]",
            file=file,
            hint=f"the tables are {', '.join(MODULES)}",
        )
    configs = {}
    for stage, module in MODULES.items():
        given = {k: v for k, v in overrides.get(stage, {}).items() if v is not None}
        configs[stage] = _build(module.Config, {**tables.get(stage, {}), **given}, stage, file)
    return configs


def _read_toml(file: Path) -> dict:
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(
            "The configuration file cannot be read", file=file, hint="check the path"
        ) from error
    except (ValueError, RecursionError) as error:
        raise ConfigError(
            f"The configuration is not valid TOML: {error}", file=file, hint="repair it"
        ) from error


def _build(config_class: type, values: dict, stage: str, file: Path | None):
    fields = {f.name: f for f in dataclasses.fields(config_class)}
    for name, value in values.items():
        if name not in fields:
            raise ConfigError(
                f"Unknown option {name} in [{stage}]",
                file=file,
                hint=f"the options are {', '.join(fields)}",
            )
        default = fields[name].default
        if isinstance(default, tuple) and isinstance(value, list):
            values[name] = tuple(value)
        elif isinstance(default, float) and type(value) is int:
            values[name] = float(value)
        elif default is not dataclasses.MISSING and type(value) is not type(default):
            raise ConfigError(
                f"Option {name} in [{stage}] is {value!r}, which is no {type(default).__name__}",
                file=file,
                hint=fields[name].metadata.get("help", "correct the value"),
            )
    try:
        return config_class(**values)
    except ValueError as error:
        raise ConfigError(f"[{stage}] {error}", file=file, hint="correct the value") from error
