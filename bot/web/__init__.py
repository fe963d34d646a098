"""What the server shows to the outside: the webhook endpoint for GitHub, the dashboard for its own machine."""
