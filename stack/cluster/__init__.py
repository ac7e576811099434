"""The commands on a stack of the platform `cluster`: the API of Kubernetes takes SSH's place."""
