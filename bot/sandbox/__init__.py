"""What stands between an agent and the machine it runs on."""
