"""The parts of a cloud that outlive its API server: home folder, account, stored resources."""
