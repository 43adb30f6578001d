// Asks for the description with the key that the reader types, and shows it.
// The key stays in this page: it is neither stored nor put into an address.
"use strict";

const key = document.getElementById("key");
const state = document.getElementById("state");

function authorized(headers) {
  return key.value ? { ...headers, authorization: `Bearer ${key.value}` } : headers;
}

async function load() {
  state.textContent = "";
  try {
    const response = await fetch("/openapi.json", { headers: authorized({}) });
    const answer = await response.json();
    if (!response.ok) {
      state.textContent = answer.error.message;
      return;
    }
    SwaggerUIBundle({
      spec: answer,
      dom_id: "#description",
      deepLinking: true,
      defaultModelsExpandDepth: 0,
      requestInterceptor: (request) => {
        request.headers = authorized(request.headers);
        return request;
      },
    });
  } catch (error) {
    state.textContent = `The description did not come: ${error.message}`;
  }
}

document.getElementById("load").addEventListener("click", load);
key.addEventListener("keydown", (event) => {
  if (event.key === "Enter") load();
});
load();
