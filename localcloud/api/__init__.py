"""The wire: paths, parameters, headers and JSON around the model."""
