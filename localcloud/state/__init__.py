"""What outlives the API server: a home's folder, its account, its store of resources."""
