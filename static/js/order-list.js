// The order list: the merchant chosen above it, the search box in step with the filters, and a bulk bar
// that offers only what the selected rows allow (data-can of the rows, data-action of the buttons).

const chosenRows = () => [...document.querySelectorAll('input[name="ids"]:checked')].map((box) => box.closest("tr"));

function offer() {
  const rows = chosenRows();
  const all = document.querySelector("[data-all-matching]")?.checked;
  const allowed = new Set(rows.flatMap((row) => row.dataset.can.split(" ")));
  for (const button of document.querySelectorAll("#bulk [data-action]")) {
    button.hidden = rows.length > 0 && !all && !allowed.has(button.dataset.action);
  }
  for (const menu of document.querySelectorAll("#bulk details")) {
    menu.hidden = !menu.querySelector("[data-action]:not([hidden])");
  }
}

function showSearch() {
  const box = document.querySelector("[data-find]");
  const list = document.getElementById("order-list");
  if (box && list && document.activeElement !== box) box.value = list.dataset.search;
}

// One order found, as by a scan: Enter opens it.
function pointAtTheOnlyRow() {
  const rows = document.querySelectorAll("#order-list tbody tr");
  if (rows.length === 1 && document.getElementById("order-list").dataset.search) rows[0].focus();
}

document.addEventListener("change", (event) => {
  const form = event.target.closest?.("[data-merchant-form]");
  if (!form) return;
  // The list may have moved on since the form was drawn: the address knows best.
  const address = new URL(location.href);
  address.searchParams.set("merchant", event.target.value);
  if (!event.target.value) address.searchParams.delete("merchant");
  for (const name of ["cursor", "at"]) address.searchParams.delete(name);
  location.assign(address);
});

document.addEventListener("selection-changed", offer);
document.addEventListener("htmx:afterSettle", (event) => {
  if (event.target.id !== "order-list" && !event.target.querySelector?.("#order-list")) return;
  offer();
  showSearch();
});
window.addEventListener("pageshow", offer);
pointAtTheOnlyRow();
