"""One module per connector kind: source to Arrow batches."""
