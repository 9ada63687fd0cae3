// Columns a person hides: checkboxes [data-column="city"] inside [data-columns="orders"], cells with
// data-col="city" inside [data-table="orders"]. Kept in this browser.

const sheet = new CSSStyleSheet();
document.adoptedStyleSheets.push(sheet);

function read() {
  try {
    return JSON.parse(localStorage.getItem("hidden-columns") ?? "{}");
  } catch {
    return {};
  }
}

function apply(state) {
  const rules = Object.entries(state).flatMap(([table, names]) =>
    names.map((name) => `[data-table="${CSS.escape(table)}"] [data-col="${CSS.escape(name)}"]{display:none!important}`),
  );
  sheet.replaceSync(rules.join(""));
  for (const box of document.querySelectorAll("[data-columns] [data-column]")) {
    const table = box.closest("[data-columns]").dataset.columns;
    box.checked = !(state[table] ?? []).includes(box.dataset.column);
  }
}

document.addEventListener("change", (event) => {
  const box = event.target;
  if (!box.matches?.("[data-columns] [data-column]")) return;
  const table = box.closest("[data-columns]").dataset.columns;
  const state = read();
  const hidden = new Set(state[table] ?? []);
  if (box.checked) hidden.delete(box.dataset.column);
  else hidden.add(box.dataset.column);
  state[table] = [...hidden];
  try {
    localStorage.setItem("hidden-columns", JSON.stringify(state));
  } catch {
    // a browser without storage forgets the choice at the next page
  }
  apply(state);
});

document.addEventListener("htmx:afterSettle", () => apply(read()));
apply(read());
