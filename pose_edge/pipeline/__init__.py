"""From source to results: the capture thread, the inference thread, and what lies between them.

`pipeline.Pipeline` is the way in: ``start``, ``take``, ``stop``. It connects `capture` (source to
ring), `ring_buffer` and `inference` (ring to results), which share what `worker_thread` holds;
`loading` loads the model that the settings name, `replay` the recorded poses that take its place.

May import everything below: frames, poses, config, supervision, telemetry, zoo, runtimes,
estimators, sources, tracking, sinks.

A new stage that all results go through is called in `Inference._estimate`; one more thread is a
`WorkerThread`, made in `Pipeline` and given a place in `Pipeline.stop`. New outputs need nothing
here: they are passed as `sinks`.
"""
