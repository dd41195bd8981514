"""The web server of the page that a phone opens."""
