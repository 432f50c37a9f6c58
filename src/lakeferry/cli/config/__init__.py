"""Manifests and prices as they are typed: checked, shown, proposed."""
