// Lets the forms that are marked so take a passkey. They stay hidden where the browser takes none,
// and what says that it takes none stays.
const READ = { create: "parseCreationOptionsFromJSON", get: "parseRequestOptionsFromJSON" };

async function asked(form) {
  if (form.dataset.webauthn) {
    return { challenge: form.elements.challenge.value, webauthn: JSON.parse(form.dataset.webauthn) };
  }
  const body = new URLSearchParams(new FormData(form));
  const answer = await fetch(form.dataset.options, { method: "POST", body });
  if (!answer.ok) {
    throw new Error(`${form.dataset.options} answered ${answer.status}`);
  }
  return answer.json();
}

async function take(form) {
  const { challenge, webauthn } = await asked(form);
  const kind = form.dataset.passkey;
  const publicKey = PublicKeyCredential[READ[kind]](webauthn);
  const credential = await navigator.credentials[kind]({ publicKey });
  form.elements.challenge.value = challenge;
  form.elements.credential.value = JSON.stringify(credential);
  form.submit();
}

function tell(text) {
  const line = document.createElement("p");
  line.textContent = text;
  document.getElementById("problem").replaceChildren(line);
}

const able = Object.values(READ).every((name) => window.PublicKeyCredential?.[name]);
for (const text of document.querySelectorAll("[data-without-passkeys]")) {
  text.hidden = able;
}
for (const form of document.querySelectorAll("form[data-passkey]")) {
  form.hidden = !able;
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    take(form).catch((error) => {
      console.info(error);
      tell(form.dataset.failed);
    });
  });
}
