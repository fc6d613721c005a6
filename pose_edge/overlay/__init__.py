"""What is drawn on a picture: skeletons, numbers, the model's crop, the read-out, messages.

Pure functions say what there is to draw, as shapes in pixels of whatever is drawn on; so it looks
the same at 640x480 and at 1920x1080. `Painter` draws them on pictures in memory, a display on its
screen.
"""

from pose_edge.overlay.canvas import compose
from pose_edge.overlay.crop import crop_frame
from pose_edge.overlay.message import message_picture
from pose_edge.overlay.numbers import Numbers
from pose_edge.overlay.paint import Painter
from pose_edge.overlay.readout import Readout, ReadoutLine, readout_lines
from pose_edge.overlay.scene import Scene
from pose_edge.overlay.shapes import Capsules, Drawing, Rectangle, Size, Stamp, joined
from pose_edge.overlay.skeleton import place_poses, skeletons

__all__ = [
    "Capsules",
    "Drawing",
    "Numbers",
    "Painter",
    "Readout",
    "ReadoutLine",
    "Rectangle",
    "Scene",
    "Size",
    "Stamp",
    "compose",
    "crop_frame",
    "joined",
    "message_picture",
    "place_poses",
    "readout_lines",
    "skeletons",
]
