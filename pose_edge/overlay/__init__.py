"""The overlay of a frame: skeletons, numbers, the model's crop, the read-out, messages.

`Renderer` turns a result into a `Scene`: the image, and a function that returns the `Drawing` for
any size, as shapes in pixels. A recording paints it with OpenCV (`paint.py`), a screen with its GPU
(`pose_edge.displays`), so that lines are sharp at 640x480 and at 1920x1080.

May import: util, frames, poses, config, telemetry.

`figures` computes where people are and how large they are. `skeleton`, `badges` and `trails` draw
them, and `placement` keeps badges and panels from covering them. `background` replaces the camera's
picture before any output gets it. `notices` appear on the screen only. To draw something new, write
one file with a function that returns `Capsules` or stamps, and call it in `Renderer._drawing`. All
colours are in `palette.py`, the texts of the read-out in `readout.py`.
"""

from pose_edge.overlay.notices import Notices
from pose_edge.overlay.paint import StampCache
from pose_edge.overlay.readout import Readout
from pose_edge.overlay.renderer import Renderer
from pose_edge.overlay.scene import Capsules, Drawing, Overlay, Rectangle, Scene, Size, Stamp

__all__ = [
    "Capsules",
    "Drawing",
    "Notices",
    "Overlay",
    "Readout",
    "Rectangle",
    "Renderer",
    "Scene",
    "Size",
    "Stamp",
    "StampCache",
]
