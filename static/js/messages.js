// Messages at the edge of the page: shown, read aloud, closed. From the server they come rendered,
// or by the response header HX-Trigger: {"notify": {"kind": "success", "text": "..."}}.

const SECONDS = 6;

/** Show a message; success and info leave by themselves, warnings and errors stay until closed. */
export function notify(text, kind = "info", { link = null } = {}) {
  const mould = document.getElementById(`message-${kind}`) ?? document.getElementById("message-info");
  const message = mould.content.firstElementChild.cloneNode(true);
  const body = message.querySelector(".message-body");
  body.textContent = text;
  if (link) {
    const anchor = document.createElement("a");
    anchor.href = link.href;
    anchor.textContent = link.text;
    if (link.elsewhere) anchor.target = "_blank";
    body.append(" ", anchor);
  }
  place(message);
  leaveLater(message, kind);
  return message;
}

// A modal dialog covers everything else, so a message goes into it while one is open.
function place(message) {
  const dialogs = document.querySelectorAll("dialog[open]");
  const dialog = dialogs[dialogs.length - 1];
  const list = document.getElementById("messages");
  if (!dialog) {
    list.append(message);
    return;
  }
  let inside = dialog.querySelector(":scope > .messages");
  if (!inside) {
    inside = document.createElement("div");
    inside.className = "messages";
    inside.setAttribute("role", "status");
    inside.setAttribute("aria-live", "polite");
    dialog.append(inside);
  }
  inside.append(message);
}

function leaveLater(message, kind) {
  if (kind !== "success" && kind !== "info") return;
  let timer = 0;
  const start = () => {
    timer = setTimeout(() => message.remove(), SECONDS * 1000);
  };
  const stop = () => clearTimeout(timer);
  message.addEventListener("pointerenter", stop);
  message.addEventListener("pointerleave", start);
  message.addEventListener("focusin", stop);
  message.addEventListener("focusout", start);
  start();
}

document.addEventListener("click", (event) => {
  event.target.closest?.("[data-close-message]")?.closest("[data-message]").remove();
});

document.addEventListener("notify", (event) => notify(event.detail.text, event.detail.kind));

for (const message of document.querySelectorAll("#messages [data-message]")) {
  leaveLater(message, /message-(\w+)/.exec(message.className)?.[1]);
}
