"""Find which app a datagram belongs to, by asking the app files about a sample of each flow."""
