"""The command `run`: a pipeline, a screen, outputs, signals, and reloads.

`run` puts the parts together and is the main thread's loop; `presenter` shows and records results;
`signals` notes what signals ask for; `reload` reads the configuration again and `reconfigure`
applies it.

May import everything but offline, doctor, service, api and cli.

A new output is opened in `run._Run.__init__`, beside the pose file. A new setting that a run
follows without a restart gets its concern, and a line in `Reconfigurer.apply`; see `reconfigure`.
"""
