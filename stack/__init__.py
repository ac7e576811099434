"""The commands on a stack: bring it up, look at it, reach its server, take it down."""
