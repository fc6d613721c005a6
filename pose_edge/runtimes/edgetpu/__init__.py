"""A model on a Coral Edge TPU, in a child process, with the CPU as the fallback.

`opening.py` is the way in. It checks what the Edge TPU needs (`detection.py`, `access.py`,
`lookup.py`); `child_supervisor.py` keeps the child process running, `failover.py` chooses who
answers, and `delegate.py` is what the child loads.

May import: what `pose_edge.runtimes` may. Another choice among several devices is made in
`detection.py`.
"""
