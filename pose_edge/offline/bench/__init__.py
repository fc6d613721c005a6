"""Measure the speed of models, of the pipeline, and of other programs.

    models.py          the stages of each model, with each number of threads
    pipeline.py        the pipeline, beside the loop of bare_loop.py
    against.py         this program beside another one, each as a process of its own
    child.py           what a child process costs

Whatever is compared runs in turns, so that other load on the machine affects all alike, and ratios
are formed pair by pair (`statistics.py`). `meter.py` measures time and memory; `system.py` and
`machine_state.py` say on what machine that was, and in what state.
"""
