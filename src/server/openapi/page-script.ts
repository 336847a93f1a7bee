// What the page of the API does: sends a request that its reader filled in, and shows the answer as text. It runs in
// browsers, and is text here so that one hash in the page's policy allows it and nothing else. It keeps no key.

export const pageScript = `"use strict";
const base = location.pathname.replace(/\\/docs\\/?$/, "");
document.getElementById("raw").href = base + "/openapi.json";
for (const code of document.querySelectorAll(".curl")) {
  code.textContent = code.textContent.replace("HOST", location.origin + base);
}

const shownMax = 65536;

/** What of the answer fits on the page; it goes on coming until it ends or is stopped. */
async function show(answer, output, stop) {
  const decoder = new TextDecoder();
  const reader = answer.body === null ? null : answer.body.getReader();
  for (let size = 0; reader !== null; ) {
    const piece = await reader.read();
    if (piece.done) return;
    size += piece.value.length;
    output.textContent += decoder.decode(piece.value, { stream: true });
    if (size < shownMax) continue;
    output.textContent += "\\n… more is not shown";
    stop.abort();
    return;
  }
}

function addressOf(form) {
  let path = form.dataset.path;
  const query = new URLSearchParams();
  for (const field of form.querySelectorAll("input[data-in]")) {
    if (field.dataset.in === "path") {
      path = path.replace("{" + field.name + "}", encodeURIComponent(field.value));
    }
    if (field.dataset.in === "query" && field.value !== "") query.set(field.name, field.value);
  }
  const words = query.toString();
  return base + path + (words === "" ? "" : "?" + words);
}

function headersOf(form) {
  const headers = new Headers();
  const key = document.getElementById("key").value;
  const names = { api: "X-API-KEY", worker: "X-API-KEY", attempt: "Gridlike-Attempt-Token" };
  const name = names[form.dataset.who];
  if (name !== undefined && key !== "") headers.set(name, key);
  for (const field of form.querySelectorAll("input[data-in=header]")) {
    if (field.value !== "") headers.set(field.name, field.value);
  }
  return headers;
}

for (const form of document.querySelectorAll("form.try")) {
  const output = form.querySelector("pre");
  const text = form.querySelector("textarea");
  const file = form.querySelector("input[type=file]");
  let stop = new AbortController();
  form.querySelector(".stop").addEventListener("click", () => stop.abort());
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    stop.abort();
    stop = new AbortController();
    const own = stop;
    output.textContent = "…";
    try {
      const method = form.dataset.method;
      const headers = headersOf(form);
      const chosen = file === null ? undefined : file.files[0];
      const body = text === null ? undefined : (chosen ?? text.value);
      if (text !== null) headers.set("Content-Type", text.dataset.media);
      const request = { method, headers, body, signal: own.signal, credentials: "same-origin" };
      const answer = await fetch(addressOf(form), request);
      const lines = [answer.status + " " + answer.statusText];
      for (const [name, value] of answer.headers) lines.push(name + ": " + value);
      output.textContent = lines.join("\\n") + "\\n\\n";
      await show(answer, output, own);
    } catch (error) {
      output.textContent += own.signal.aborted ? "\\n(stopped)" : "\\n" + error;
    }
  });
}
`;
