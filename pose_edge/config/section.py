"""The base of all sections of the settings, and the types of their values."""

from __future__ import annotations

from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field, ValidatorFunctionWrapHandler, WrapValidator

FILE_PATTERN: Final = r"^([^{}\x00]*/)?([^{}/\x00]|\{time\})+$"
"""Path of an output: the only braces are those of {time}, which stands in the file's name only."""

HOST: Final = r"(\[[0-9A-Fa-f:.%]+\]|[A-Za-z0-9._-]+)"
PORT: Final = (
    "([1-9][0-9]{0,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5])"
)
"""1...65535."""
ADDRESS_PATTERN: Final = rf"^{HOST}:{PORT}$"
"""HOST:PORT, where an IPv6 address stands in brackets."""
ADDRESSES_PATTERN: Final = rf"^{HOST}:{PORT}( ?, ?{HOST}:{PORT})*$"
"""Several of these, with commas between."""
LISTEN_PATTERN: Final = rf"^({HOST}:)?[0-9]{{1,5}}$"
"""[HOST:]PORT of a server of this program."""

Score = Annotated[float, Field(ge=0.0, le=1.0)]


def _accept_file_name(value: object, check: ValidatorFunctionWrapHandler) -> object:
    """Let a file's name pass that is not UTF-8 (see PEP 383): pydantic takes it for no text."""
    if isinstance(value, str) and any("\udc80" <= character <= "\udcff" for character in value):
        return value
    return check(value)


FileName = Annotated[str, Field(min_length=1), WrapValidator(_accept_file_name)]
OutputName = Annotated[
    str, Field(min_length=1, pattern=FILE_PATTERN), WrapValidator(_accept_file_name)
]
Address = Annotated[str, Field(pattern=ADDRESS_PATTERN)]
ListenAddress = Annotated[str, Field(pattern=LISTEN_PATTERN)]


class Section(BaseModel):
    """Base of all sections: no unknown keys, no silent conversions, no changes."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False)
