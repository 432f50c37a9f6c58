"""The manifest, `lakeferry.yaml`: read strictly, every value with its line and column."""
