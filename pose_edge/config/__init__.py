"""The settings: what there is (`schema`), where values come from (`load`), what changed (`diff`).

Imports: `errors`, `util`. A new setting is one field of a section in schema.py; `pose-edge config
show --defaults` then writes config.yaml. A new section also gets a line in live/reconfigure.py,
which says what a reload does about it; an option of the command line, a line of `SETTING_OPTIONS`
in cli/arguments.py.
"""
