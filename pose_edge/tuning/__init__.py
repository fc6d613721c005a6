"""Choosing the model for `model.name: auto`: from measured times, and again under pressure.

Pure parts: `choice` takes the measured times of the candidates and returns the most accurate that
holds the rate; `governor` steps down where inference cannot follow, and up where there is room.
`pass_meter` notes the frames of a run, `trial` measures one candidate in it, `kept` keeps what was
measured in the state folder. The candidates are a matter of the zoo.

May import everything below: errors, util, poses, config, zoo, runtimes, sinks, pipeline.

Another candidate is one name in zoo/candidates.py, with its accuracy in models/accuracy.yaml.
"""
