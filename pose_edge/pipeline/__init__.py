"""From source to results: the capture thread, the inference thread, and what lies between them.

The entry point is `pipeline.Pipeline`, with ``start``, ``take`` and ``stop``. It connects `capture`
(source to ring), `ring_buffer` and `inference` (ring to results); `worker_thread` holds the base
class and the shared state of the two threads. `loading` loads the model that the settings name,
`replay` the recorded poses that may replace it.

May import everything below: frames, poses, config, supervision, telemetry, zoo, runtimes,
estimators, sources, tracking, sinks.

To add a stage that all results go through, call it in `Inference._estimate`. To add a thread,
derive it from `WorkerThread`, create it in `Pipeline`, and stop it in `Pipeline.stop`. New outputs
need no change here: they are passed as `sinks`.
"""
