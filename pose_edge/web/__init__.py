"""The web server of a run, for people and programs in the network; it has its own thread."""
