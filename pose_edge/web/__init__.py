"""The web server of a run, for people and programs on the network; it has its own thread."""
