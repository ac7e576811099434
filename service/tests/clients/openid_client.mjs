// Flows of openid-client, which a test steps through: `node openid_client.mjs FLOW`.
// Each line of stdin and stdout is a JSON document: the settings come first, the result is last.
import { createInterface } from "node:readline";
import * as client from "openid-client";

const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
const read = async () => JSON.parse((await lines.next()).value);
const write = (document) => console.log(JSON.stringify(document));
const ask = (document) => (write(document), read());

const settings = await read();
const { issuer, client_id, secret, redirect_uri, scope } = settings;
const server = new URL(issuer);
const insecure = { execute: [client.allowInsecureRequests] };

const discover = (authentication, metadata) =>
  client.discovery(server, client_id, metadata, authentication, insecure);

const privateKey = async () => ({
  key: await crypto.subtle.importKey(
    "jwk", settings.jwk, { name: "ECDSA", namedCurve: "P-256" }, false, ["sign"],
  ),
  kid: settings.jwk.kid,
});

// Sign the user in; `build` makes the address of the authorization request.
async function signIn(config, build, { more = {}, options } = {}) {
  const verifier = client.randomPKCECodeVerifier();
  const [state, nonce] = [client.randomState(), client.randomNonce()];
  const code_challenge = await client.calculatePKCECodeChallenge(verifier);
  const request = { redirect_uri, scope, code_challenge, code_challenge_method: "S256", state, nonce };
  const url = await build(config, { ...request, ...more });
  const { location, form } = await ask({ open: url.href });
  const answer = form
    ? new Request(redirect_uri, { method: "POST", body: new URLSearchParams(form) })
    : new URL(location);
  const checks = { pkceCodeVerifier: verifier, expectedState: state, expectedNonce: nonce };
  return client.authorizationCodeGrant(config, answer, checks, undefined, options);
}

const flows = {
  async session() {
    const config = await discover(client.ClientSecretBasic(secret));
    const tokens = await signIn(config, client.buildAuthorizationUrl);
    const renewed = await client.refreshTokenGrant(config, tokens.refresh_token);
    const user = await client.fetchUserInfo(config, renewed.access_token, tokens.claims().sub);
    const before = await client.tokenIntrospection(config, renewed.access_token);
    await client.tokenRevocation(config, renewed.refresh_token);
    const after = await client.tokenIntrospection(config, renewed.access_token);
    return { user, active: [before.active, after.active] };
  },

  async logout() {
    const config = await discover(client.ClientSecretPost(secret));
    const tokens = await signIn(config, client.buildAuthorizationUrl);
    const url = client.buildEndSessionUrl(config, {
      id_token_hint: tokens.id_token,
      post_logout_redirect_uri: redirect_uri,
    });
    return { url: url.href };
  },

  async form() {
    const config = await discover(client.ClientSecretPost(secret));
    const more = { response_mode: "form_post" };
    const tokens = await signIn(config, client.buildAuthorizationUrl, { more });
    return { sub: tokens.claims().sub };
  },

  async signedIntrospection() {
    const metadata = { introspection_signed_response_alg: "RS256" };
    const config = await discover(client.ClientSecretBasic(secret), metadata);
    const tokens = await signIn(config, client.buildAuthorizationUrl);
    return client.tokenIntrospection(config, tokens.access_token);
  },

  async keysInPlaceOfSecrets() {
    const config = await discover(client.PrivateKeyJwt(await privateKey()));
    const DPoP = client.getDPoPHandle(config, await client.randomDPoPKeyPair("ES256"));
    const push = (config, request) => client.buildAuthorizationUrlWithPAR(config, request, { DPoP });
    const tokens = await signIn(config, push, { options: { DPoP } });
    const { sub } = tokens.claims();
    const user = await client.fetchUserInfo(config, tokens.access_token, sub, { DPoP });
    const renewed = await client.refreshTokenGrant(config, tokens.refresh_token, undefined, { DPoP });
    const headers = { Authorization: `Bearer ${renewed.access_token}` };
    const stolen = await fetch(config.serverMetadata().userinfo_endpoint, { headers });
    return { user, type: renewed.token_type, stolen: stolen.status };
  },

  async signedRequest() {
    const key = await privateKey();
    const config = await discover(client.PrivateKeyJwt(key));
    const sign = (config, request) => client.buildAuthorizationUrlWithJAR(config, request, key);
    const tokens = await signIn(config, sign);
    return { sub: tokens.claims().sub };
  },

  async device() {
    const config = await discover(client.None());
    const device = await client.initiateDeviceAuthorization(config, { scope });
    await ask({ open: device.verification_uri_complete });
    const tokens = await client.pollDeviceAuthorizationGrant(config, device);
    return { sub: tokens.claims().sub };
  },

  async registration() {
    const metadata = { redirect_uris: [redirect_uri], client_name: "Registered", scope };
    const options = { ...insecure, initialAccessToken: settings.initial_access_token };
    const config = await client.dynamicClientRegistration(server, metadata, undefined, options);
    const tokens = await signIn(config, client.buildAuthorizationUrl);
    return { sub: tokens.claims().sub, client_id: config.clientMetadata().client_id };
  },

  async clientCredentials() {
    const config = await discover(client.ClientSecretBasic(secret));
    return client.clientCredentialsGrant(config, { scope });
  },
};

write(await flows[process.argv[2]]());
