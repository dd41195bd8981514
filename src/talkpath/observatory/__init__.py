"""Events, claims held against them, and reach. Reads bundles; measures nothing and asks nobody."""
