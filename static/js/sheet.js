// The sheet: a link or button with hx-target="#sheet" fills it, and it opens. Esc, the veil and
// [data-close-sheet] close it. Content with [data-reload-on-close] reloads the page behind it.
// Without script the same address is a page of its own.

const sheet = document.getElementById("sheet");
let opener = null;
let typed = false;

function close() {
  if (sheet.open) sheet.close();
}

if (sheet) {
  document.addEventListener("htmx:beforeRequest", (event) => {
    if (event.detail.target === sheet && !sheet.contains(event.detail.elt)) opener = event.detail.elt;
  });

  document.addEventListener("htmx:afterSwap", (event) => {
    if (event.detail.target !== sheet) return;
    typed = false;
    if (!sheet.firstElementChild) return close();
    sheet.classList.toggle("sheet-wide", Boolean(sheet.querySelector("[data-wide]")));
    if (!sheet.open) sheet.showModal();
    (sheet.querySelector("[autofocus]") ?? sheet.querySelector("[aria-invalid='true']") ?? sheet).focus?.();
  });

  sheet.addEventListener("input", () => {
    typed = true;
  });

  sheet.addEventListener("click", (event) => {
    if (event.target.closest("[data-close-sheet]")) {
      event.preventDefault();
      close();
    } else if (event.target === sheet && !typed) {
      const box = sheet.getBoundingClientRect();
      const inside =
        event.clientX >= box.left &&
        event.clientX <= box.right &&
        event.clientY >= box.top &&
        event.clientY <= box.bottom;
      if (!inside) close();
    }
  });

  sheet.addEventListener("close", () => {
    const reload = sheet.querySelector("[data-reload-on-close]");
    sheet.replaceChildren();
    if (reload) location.reload();
    else if (opener?.isConnected) opener.focus();
    opener = null;
  });

  document.addEventListener("sheet-close", close);
}
