"""The cheapest safe path for the bytes: priced before they move, reconciled with the bill after."""
