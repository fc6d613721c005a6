"""Heartbeats, deadlines, replacement of failed parts, and the watchdog of systemd.

`supervisor` knows the state of every part and replaces those that have stalled or died;
`watchdog` is the thread that does so and tells systemd (`sd_notify`); `backoff` spaces attempts;
`hung_threads` counts threads that were given up.

May import: errors, util, frames, poses, config.

A new part calls `Supervisor.add` where it is made, and sends heartbeats through the `Part`.
"""
