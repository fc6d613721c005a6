"""A model on a Coral Edge TPU, in a child process, with the CPU as the fallback.

`opening.py` is the way in: it checks what the Edge TPU needs (`detection.py`, `lookup.py`), and
chooses the backend that answers. `child_supervisor.py` keeps the child process running;
`delegate.py` is what the child loads.

May import: what `pose_edge.runtimes` may. Another choice among several devices is made in
`detection.py`.
"""
