"""What is drawn on a picture: skeletons, the model's crop, the read-out, messages.

Everything is sized by the picture, so it looks the same at 640x480 and at 1920x1080, and is drawn
in the picture's own order of colours, so the picture is never converted.
"""

from pose_edge.overlay.canvas import compose
from pose_edge.overlay.crop import draw_crop
from pose_edge.overlay.message import message_picture
from pose_edge.overlay.readout import Readout, ReadoutLine, readout_lines
from pose_edge.overlay.skeleton import draw_poses

__all__ = [
    "Readout",
    "ReadoutLine",
    "compose",
    "draw_crop",
    "draw_poses",
    "message_picture",
    "readout_lines",
]
