"""Heartbeats, deadlines, replacement of failed parts, and the watchdog of systemd.

`supervisor` tracks the state of every part, and replaces those that have stalled or died;
`watchdog` is the thread that runs these checks and notifies systemd (`sd_notify`); `backoff` spaces
attempts; `hung_threads` counts threads that were given up.

May import: errors, util, frames, poses, config.

To add a part, call `Supervisor.add` where the part is created, and send its heartbeats through the
`Part` that it returns.
"""
