"""Real-time human pose estimation on a Raspberry Pi."""

from importlib.metadata import PackageNotFoundError, version

try:
    __version__ = version("pose-edge")
except PackageNotFoundError:  # imported from a checkout that was never installed
    __version__ = "0+unknown"

__all__ = ["__version__"]
