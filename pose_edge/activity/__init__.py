"""Derive from poses what people do. Pure computation: no devices, no files.

* `angles` computes the angles of joints.
* `presence` detects who has entered and who has left.

May import errors, util, frames and poses.
"""
