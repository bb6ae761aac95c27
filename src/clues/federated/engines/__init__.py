"""Where the apps run: Flower's simulation, this very process, real machines."""
