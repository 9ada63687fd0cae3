// Words that modules say; they stand translated in templates/frame/words.html.

export function word(name, values = {}) {
  const text = document.getElementById("words")?.dataset[name] ?? "";
  return text.replace(/%\((\w+)\)s/g, (whole, key) => values[key] ?? whole);
}
