"""Small helpers around the operating system that know nothing of poses.

Each file covers one topic: atomic writes, child processes, commands, device access, systemd, paths,
packaged files, URLs, cores, queues between threads.

May import only `errors`. A new helper gets its own file here if several packages need it.
"""
