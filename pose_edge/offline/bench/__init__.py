"""Measure the speed of models, of the pipeline, and of other programs.

    models.py          the stages of each model, with each number of threads
    pipeline.py        the pipeline compared with a bare loop; one round of each is in rounds.py
    against.py         this program compared with another one, each in its own process
    child.py           the overhead of running a model in a child process

Candidates are measured in interleaved runs, so that other load on the machine affects all alike,
and ratios are computed pair by pair (`statistics.py`). `meter.py` measures time and memory;
`system.py` and `machine_state.py` describe the machine and its state.
"""
