"""What people do, told from their poses: numbers alone, no device and no file.

* `angles` measures joints.
* `presence` says who has come and who has left.

May import errors, util, frames and poses.
"""
