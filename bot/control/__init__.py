"""What drives the bot: the queue of keys, observe → decide → act, timers and the sweep."""
