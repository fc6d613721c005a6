"""The page: a server for people and programs in the network, in a thread of its own."""
