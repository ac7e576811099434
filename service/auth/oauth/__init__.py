"""OAuth 2.0 and OpenID Connect: what other applications sign their users in with."""
