"""The command `run`: a pipeline, a screen, outputs, signals, and configuration reloads.

`run` is the main thread's loop; `run_parts` creates and connects the parts; `presenter` shows and
records results; `signals` records what signals request; `reload` reads the configuration again and
`reconfigure` applies it.

May import everything except offline, doctor, service, api and cli.

To add an output, add an entry to the lists in `outputs.Outputs.__init__`. To apply a new setting
without a restart, map it to a `Concern` in `reconfigure`, and handle that in `Reconfigurer.apply`.
"""
