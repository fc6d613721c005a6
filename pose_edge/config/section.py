"""The base class of all sections of the settings, and the types of their values."""

from __future__ import annotations

from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field, ValidatorFunctionWrapHandler, WrapValidator

FILE_PATTERN: Final = r"^([^{}\x00]*/)?([^{}/\x00]|\{time\})+$"
"""Path of an output file; braces are allowed only as {time}, and only in the file name."""
RECORDING_PATTERN: Final = FILE_PATTERN.removesuffix("$") + r"\.[mM][pP]4$"
"""Path of a recording."""

HOST: Final = r"(\[[0-9A-Fa-f:.%]+\]|[A-Za-z0-9._-]+)"
PORT: Final = (
    "([1-9][0-9]{0,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5])"
)
"""A port number from 1 to 65535."""
ADDRESS_PATTERN: Final = rf"^{HOST}:{PORT}$"
"""HOST:PORT; an IPv6 address is in brackets."""
ADDRESSES_PATTERN: Final = rf"^{HOST}:{PORT}( ?, ?{HOST}:{PORT})*$"
"""One or more HOST:PORT, separated by commas."""
NO_BRACKETS: Final = r"[!-Z\\^-~]"
BROKER_PATTERN: Final = (
    rf"^mqtts?://{NO_BRACKETS}*"
    rf"(\[[0-9A-Fa-f:.]+(%{NO_BRACKETS}+)?\]{NO_BRACKETS}*|{NO_BRACKETS})$"
)
"""URL of an MQTT broker in printable ASCII; brackets are only around an IPv6 address."""
LISTEN_PATTERN: Final = rf"^({HOST}:)?(0|{PORT})$"
"""[HOST:]PORT that a server of this program listens on; 0 is any free port."""

Score = Annotated[float, Field(ge=0.0, le=1.0)]


def _accept_file_name(value: object, check: ValidatorFunctionWrapHandler) -> object:
    """Accept file names that are not UTF-8 (PEP 383), which pydantic rejects as text."""
    if isinstance(value, str) and any("\udc80" <= character <= "\udcff" for character in value):
        return value
    return check(value)


FileName = Annotated[str, Field(min_length=1), WrapValidator(_accept_file_name)]
OutputName = Annotated[
    str, Field(min_length=1, pattern=FILE_PATTERN), WrapValidator(_accept_file_name)
]
RecordingName = Annotated[
    str, Field(min_length=1, pattern=RECORDING_PATTERN), WrapValidator(_accept_file_name)
]
Address = Annotated[str, Field(pattern=ADDRESS_PATTERN)]
ListenAddress = Annotated[str, Field(pattern=LISTEN_PATTERN)]


class Section(BaseModel):
    """Base of all sections: rejects unknown keys and type conversions, and is immutable."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False)
