// Tokens of each kind, and what one says; keys.

import { attempt, call } from "./control.js";
import { $, badge, codeBlock, el, notice, time } from "./dom.js";
import { showChanges, watch } from "./frame.js";

$("mint").addEventListener("submit", (event) => {
  event.preventDefault();
  const { kind, clientId } = Object.fromEntries(new FormData(event.target));
  const isNext = event.submitter?.value === "next";
  attempt(async () => {
    const { accessToken, expected } = await call("POST", "tokens", { body: isNext ? { kind, issueNext: 1 } : { kind, clientId } });
    $("minted").replaceChildren(
      el("p", {}, isNext ? "The next token of the token endpoint gets " : "Presenting it gets ", badge(expected.status, expected.code ? "refused" : "ok"), expected.code && ` ${expected.code}`),
      ...(expected.wwwAuthenticate ? [codeBlock(expected.wwwAuthenticate, "WWW-Authenticate")] : []),
      ...(accessToken ? [codeBlock(accessToken, "The token")] : []),
    );
    if (accessToken) {
      $("token").value = accessToken;
      decode();
    }
    await showChanges();
  });
});

$("rotate").addEventListener("submit", (event) => {
  event.preventDefault();
  attempt(async () => {
    const { kid, validKids } = await call("POST", "keys/rotate", { query: { customerId: null }, body: { overlap: event.target.elements.overlap.value } });
    notice(`The key ${kid.slice(0, 8)}… signs now; ${validKids.length} accepted.`);
    await showChanges();
  });
});

// Decoding, in this page alone

function decode() {
  const parts = $("token").value.trim().replace(/^bearer\s+/i, "").split(".");
  if (parts.length < 2) {
    $("decoded").replaceChildren(...($("token").value.trim() ? [el("p", { class: "error" }, "This is no JWT: it has no two parts with a dot between.")] : []));
    return;
  }
  const shown = ["Header", "Claims"].map((name, index) => {
    try {
      const bytes = Uint8Array.from(atob(parts[index].replaceAll("-", "+").replaceAll("_", "/")), (each) => each.charCodeAt(0));
      return [name, JSON.parse(new TextDecoder().decode(bytes))];
    } catch {
      return [name, null];
    }
  });
  const claims = shown[1][1] ?? {};
  const times = ["iat", "nbf", "exp"].filter((name) => Number.isFinite(claims[name]) && Math.abs(claims[name]) < 8e12);
  $("decoded").replaceChildren(
    ...shown.flatMap(([name, value]) => [el("h3", {}, name), value === null ? el("p", { class: "error" }, "isn’t JSON in base64url") : el("pre", { tabIndex: 0, "aria-label": name }, JSON.stringify(value, null, 2))]),
    ...(times.length ? [el("p", { class: "muted" }, times.flatMap((name, index) => [`${index ? ", " : ""}${name} `, time(new Date(claims[name] * 1000).toISOString())]))] : []),
  );
}

$("token").addEventListener("input", decode);
watch();
