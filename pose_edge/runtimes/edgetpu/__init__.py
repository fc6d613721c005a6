"""Run a model on a Coral Edge TPU, in a child process, with the CPU as the fallback.

`opening.py` is the entry point: it checks the requirements of the Edge TPU (`detection.py`,
`lookup.py`) and chooses between Edge TPU and CPU for each inference. `child_supervisor.py` keeps
the child process running; `delegate.py` is what the child loads.

May import: the same as `pose_edge.runtimes`. To change which of several devices is chosen, edit
`detection.py`.
"""
