// Sends each form once, and lets those that are marked so take a passkey. These stay hidden where
// the browser takes none, and what says that it takes none stays.
const READ = { create: "parseCreationOptionsFromJSON", get: "parseRequestOptionsFromJSON" };
const TOO_MANY = 429;
const able = Object.values(READ).every((name) => window.PublicKeyCredential?.[name]);

async function asked(form) {
  if (form.dataset.webauthn) {
    return { challenge: form.elements.challenge.value, webauthn: JSON.parse(form.dataset.webauthn) };
  }
  const body = new URLSearchParams(new FormData(form));
  const answer = await fetch(form.dataset.options, { method: "POST", body });
  if (answer.redirected) {
    // to the sign-in page, as this page leads there too
    location.reload();
  }
  if (answer.status === TOO_MANY) {
    throw new Error(document.body.dataset.tooMany);
  }
  return answer.json();
}

async function take(form) {
  const { challenge, webauthn } = await asked(form);
  const kind = form.dataset.passkey;
  const publicKey = PublicKeyCredential[READ[kind]](webauthn);
  const credential = await navigator.credentials[kind]({ publicKey });
  send(form, challenge, credential);
}

function send(form, challenge, credential) {
  form.elements.challenge.value = challenge;
  form.elements.credential.value = JSON.stringify(credential);
  form.submit();
}

let suggesting = new AbortController();

// Passkeys among the browser's suggestions for the e-mail field. Their challenge is renewed before
// its end; a failure shows nothing, as the form's button and the password are there all the same.
async function suggest(form) {
  suggesting.abort();
  suggesting = new AbortController();
  const { signal } = suggesting;
  if (!(await PublicKeyCredential.isConditionalMediationAvailable?.())) {
    return;
  }
  const answer = await fetch(form.dataset.offer, { signal });
  const { challenge, expires_in: seconds, webauthn } = await answer.json();
  const publicKey = PublicKeyCredential[READ.get](webauthn);
  const renewal = setTimeout(() => offer(form), (seconds * 1000) / 2);
  signal.addEventListener("abort", () => clearTimeout(renewal));
  const credential = await navigator.credentials.get({ publicKey, signal, mediation: "conditional" });
  clearTimeout(renewal);
  send(form, challenge, credential);
}

function offer(form) {
  suggest(form).catch(() => {});
}

function why(form, error) {
  if (error.name === "InvalidStateError") {
    return document.body.dataset.registered;
  }
  return error.constructor === Error ? error.message : form.dataset.failed;
}

function tell(text) {
  const line = document.createElement("p");
  line.textContent = text;
  const problem = document.getElementById("problem");
  problem.replaceChildren(line);
  problem.tabIndex = -1;
  problem.focus();
}

// a button that shows the password; it is sent hidden, so that no browser stores it as plain text
function reveal(input) {
  const { show, hide } = document.body.dataset;
  const button = document.createElement("button");
  button.type = "button";
  button.className = "reveal";
  const set = (shown) => {
    input.type = shown ? "text" : "password";
    button.textContent = shown ? hide : show;
  };
  set(false);
  button.addEventListener("click", () => set(input.type === "password"));
  input.form.addEventListener("submit", () => set(false));
  input.after(button);
}

for (const input of document.querySelectorAll("input[type=password]")) {
  reveal(input);
}

let sent = new WeakSet();
// a page that comes back from where it was left can be used again
addEventListener("pageshow", () => {
  sent = new WeakSet();
  for (const form of able ? document.querySelectorAll("form[data-offer]") : []) {
    offer(form);
  }
});
addEventListener("submit", (event) => {
  const form = event.target;
  if (sent.has(form)) {
    event.preventDefault();
    return;
  }
  // an answer that is a download leaves the page as it is
  if (!("again" in form.dataset)) {
    sent.add(form);
  }
  if (form.dataset.passkey) {
    event.preventDefault();
    // a browser takes one request at a time
    suggesting.abort();
    take(form).catch((error) => {
      sent.delete(form);
      tell(why(form, error));
      if (form.dataset.offer) {
        offer(form);
      }
    });
  }
});

// an answer to an application; without JavaScript the user presses its button
document.querySelector("form[data-submit]")?.requestSubmit();

for (const text of document.querySelectorAll("[data-without-passkeys]")) {
  text.hidden = able;
}
for (const form of document.querySelectorAll("form[data-passkey]")) {
  form.hidden = !able;
}
