"""The lab: made-up networks that may restrict calls. It acts only on links that it made itself."""
