"""Real-time human pose estimation on a Raspberry Pi.

The names below are the public interface; see docs/python.md. Each is imported lazily, on first
use, so that ``import pose_edge`` itself is fast.
"""

# Not imported from `typing`: a Ctrl-C during the first imports prints a traceback.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from pose_edge.api import PoseEstimator, PoseResult, PoseStream, open_pipeline
    from pose_edge.errors import (
        ConfigError,
        ModelError,
        PoseEdgeError,
        SourceError,
        UnavailableError,
        UsageError,
    )
    from pose_edge.frames import Frame
    from pose_edge.poses import SKELETON, Keypoint, Point, Pose

    __version__: str

__all__ = [
    "SKELETON",
    "ConfigError",
    "Frame",
    "Keypoint",
    "ModelError",
    "Point",
    "Pose",
    "PoseEdgeError",
    "PoseEstimator",
    "PoseResult",
    "PoseStream",
    "SourceError",
    "UnavailableError",
    "UsageError",
    "__version__",
    "open_pipeline",
]


if not TYPE_CHECKING:  # with a module `__getattr__`, a type checker accepts any attribute name

    def __getattr__(name: str) -> object:
        """Import a public name, or look up the version, on first use."""
        if name == "__version__":
            value: object = _version()
        elif name in __all__:
            from importlib import import_module

            # Import one module at a time: a program that only uses `Keypoint` need not load `api`.
            modules = map(
                import_module, (f"{__name__}.{part}" for part in ("poses", "errors", "api"))
            )
            value = next(vars(module)[name] for module in modules if name in vars(module))
        else:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        globals()[name] = value
        return value


def __dir__() -> list[str]:
    """List the public names, including those that are not imported yet."""
    return sorted({*globals(), *__all__})


def _version() -> str:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("pose-edge")
    except PackageNotFoundError:  # imported from a checkout that was never installed
        return "0+unknown"
