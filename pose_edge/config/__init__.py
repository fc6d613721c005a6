"""The settings: their definition (`schema`), their loading (`load`), their differences (`diff`).

May import `errors` and `util`.

To add a setting, add a field to a section in schema.py, then write config.yaml with `pose-edge
config show --defaults`. A new section also needs a line in live/reconfigure.py, which says how a
reload applies it. A new command-line option needs a line in `SETTING_OPTIONS` of cli/arguments.py.
"""
