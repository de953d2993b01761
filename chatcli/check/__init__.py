"""chatcheck: what a server or a client does wrong, requirement by requirement."""
