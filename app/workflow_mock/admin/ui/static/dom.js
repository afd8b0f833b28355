// Elements, and texts of values. Text from elsewhere goes through textContent alone.

export const $ = (id) => document.getElementById(id);

/** An element; of its properties, `on…` are listeners, `class`, `data-…` and `aria-…` attributes. */
export function el(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name in element && name !== "class") element[name] = value;
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

export const badge = (word, kind = word) => el("span", { class: `badge ${kind}` }, String(word));

export const two = (number) => String(number).padStart(2, "0");

/** A moment as the browser's own time; its whole text is in the title. */
export function time(text, { milliseconds = false } = {}) {
  if (!text) return "–";
  const at = new Date(text);
  const shown = `${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}`;
  const rest = milliseconds ? `.${String(at.getMilliseconds()).padStart(3, "0")}` : "";
  const day = at.toDateString() === new Date().toDateString() ? "" : `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())} `;
  return el("time", { dateTime: text, title: text }, day + shown + rest);
}

export function seconds(milliseconds) {
  const value = milliseconds / 1000;
  if (milliseconds < 1000) return `${Math.round(milliseconds)} ms`;
  if (value < 10) return `${value.toFixed(2)} s`;
  if (value < 120) return `${Math.round(value)} s`;
  return value < 7200 ? `${Math.round(value / 60)} min` : `${Math.round(value / 3600)} h`;
}

export const ago = (milliseconds) => (milliseconds < 1000 ? "just now" : `${seconds(Math.round(milliseconds / 1000) * 1000).replace(".00", "")} ago`);

/** A button that copies what `text` gives when it is pressed. */
export function copyButton(text, label = "Copy") {
  return el("button", { type: "button", class: "copy", onclick: (event) => copy(event.currentTarget, text()) }, label);
}

async function copy(button, text) {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    // By a name that isn't local and without https there is no clipboard: an old way is left.
    const area = el("textarea", { value: text });
    button.after(area);
    area.select();
    document.execCommand("copy");
    area.remove();
  }
  const before = button.textContent;
  button.textContent = "Copied";
  setTimeout(() => (button.textContent = before), 1200);
}

export const codeBlock = (text, label) =>
  el("div", { class: "code" }, el("pre", { tabIndex: 0, "aria-label": label }, text), copyButton(() => text));

export function notice(text, kind = "") {
  const shown = el("p", { class: `notice ${kind}` }, text);
  $("notices").append(shown);
  setTimeout(() => shown.remove(), 8000);
}

/** Bring the children of a list into this order; those that stay are not touched, and keep the focus. */
export function arrange(list, children) {
  const kept = new Set(children);
  for (const child of [...list.children]) if (!kept.has(child)) child.remove();
  children.forEach((child, index) => list.children[index] !== child && list.insertBefore(child, list.children[index] ?? null));
}

for (const button of document.querySelectorAll("button.copy[data-copy]")) {
  button.addEventListener("click", () => copy(button, $(button.dataset.copy).textContent));
}
