"""What stands before the routes: who calls, how much may come in, what leaves with an answer."""
